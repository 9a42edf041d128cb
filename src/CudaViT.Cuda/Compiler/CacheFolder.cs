namespace CudaViT.Cuda;

/// <summary>
/// The folder where compiled kernels are kept between runs. Everything in it can be deleted at any time: it is made
/// again.
/// </summary>
public static class CacheFolder
{
    /// <summary>The environment variable that names another folder.</summary>
    public const string Variable = "CUDAVIT_CACHE";

    /// <summary>
    /// <c>CUDAVIT_CACHE</c>; else <c>cudavit</c> in the user's cache folder: <c>XDG_CACHE_HOME</c> or <c>~/.cache</c>,
    /// on Windows the local application data. It may not exist yet.
    /// </summary>
    public static string Root => RootFor(Environment.GetEnvironmentVariable, OperatingSystem.IsWindows());

    /// <summary>The folder of one kind of file, for example <c>cubin</c>; it may not exist yet.</summary>
    public static string For(string kind) => Path.Combine(Root, kind);

    internal static string RootFor(Func<string, string?> variable, bool isWindows)
    {
        if (variable(Variable) is { Length: > 0 } own)
        {
            return Path.GetFullPath(own);
        }

        string? caches = isWindows
            ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : variable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg) ? xdg
            : variable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache")
            : null;

        // A service without a home still has a place for temporary files.
        return Path.Combine(string.IsNullOrEmpty(caches) ? Path.GetTempPath() : caches, "cudavit");
    }
}
