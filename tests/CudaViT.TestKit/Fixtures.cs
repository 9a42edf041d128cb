namespace CudaViT.TestKit;

/// <summary>Finds the recorded numbers that tests compare with.</summary>
/// <remarks>
/// They lie in <c>tests/fixtures</c>, found by walking up from the test assembly. The environment variable
/// <c>CUDAVIT_FIXTURES</c> names another folder of the same form.
/// </remarks>
public static class Fixtures
{
    /// <summary>The folder with one sub-folder per topic.</summary>
    /// <exception cref="DirectoryNotFoundException">There is none.</exception>
    public static string Root { get; } = Find();

    /// <summary>Full path of a file, for example <c>File("augment", "cases.json")</c>.</summary>
    public static string File(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>
    /// Full path of a file that comes with the tests themselves, whatever folder of recordings is chosen, unless the
    /// tests were published away from theirs.
    /// </summary>
    public static string Shipped(params ReadOnlySpan<string> parts) => Path.Combine([FindAbove() ?? Root, .. parts]);

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("CUDAVIT_FIXTURES") is { Length: > 0 } chosen)
        {
            return Directory.Exists(chosen)
                ? Path.GetFullPath(chosen)
                : throw new DirectoryNotFoundException(
                    $"CUDAVIT_FIXTURES is '{chosen}', but there is no such folder. Correct the variable or unset it.");
        }

        return FindAbove() ?? throw new DirectoryNotFoundException(
            $"No tests/fixtures above {AppContext.BaseDirectory}. Set CUDAVIT_FIXTURES to the folder that holds them.");
    }

    private static string? FindAbove()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "fixtures");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
