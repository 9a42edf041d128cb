using System.Runtime.InteropServices;

namespace CudaViT.Images;

/// <summary>A native library that is looked for at run time.</summary>
/// <param name="name">What to call it.</param>
/// <param name="purpose">What it is needed for.</param>
/// <param name="variable">An environment variable that names its file, and then no other counts.</param>
/// <param name="candidates">Names to look for, versioned ones first.</param>
/// <param name="install">How to install it.</param>
public sealed class ImageLibrary(
    string name, string purpose, string variable, IReadOnlyList<string> candidates, string install)
{
    private readonly object _gate = new();
    private (string File, nint Handle)? _loaded;
    private bool _isTried;

    /// <summary>What to call it.</summary>
    public string Name => name;

    /// <summary>What it is needed for.</summary>
    public string Purpose => purpose;

    /// <summary>How to install it.</summary>
    public string Install => install;

    /// <summary>An environment variable that names its file.</summary>
    public string Variable => variable;

    /// <summary>Files that are looked for.</summary>
    public IReadOnlyList<string> Candidates =>
        Environment.GetEnvironmentVariable(variable) is { } path ? [path] : candidates;

    /// <summary>The file that was loaded; null where there is none.</summary>
    public string? File => Load()?.File;

    /// <summary>Address of the loaded library; 0 where there is none.</summary>
    internal nint Handle => Load()?.Handle ?? 0;

    /// <summary>Throws unless the library is there.</summary>
    /// <param name="otherwise">A sentence on what else could be done, after a blank.</param>
    /// <exception cref="ImageLibraryException">It is not; the message says how to install it.</exception>
    public void Require(string otherwise = "")
    {
        if (Load() is null)
        {
            throw new ImageLibraryException(
                $"{name} was not found (tried {string.Join(", ", Candidates)}), and {purpose} need it. " +
                $"Install it ({install}), or set {variable} to its file.{otherwise}");
        }
    }

    // Once: what was missing at first is missing for the rest of the process.
    private (string File, nint Handle)? Load()
    {
        lock (_gate)
        {
            if (!_isTried)
            {
                _isTried = true;
                foreach (string candidate in Candidates)
                {
                    if (NativeLibrary.TryLoad(candidate, typeof(ImageLibrary).Assembly, null, out nint handle))
                    {
                        _loaded = (candidate, handle);
                        break;
                    }
                }
            }

            return _loaded;
        }
    }
}
