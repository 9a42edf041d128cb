using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>Paths in the host's own spelling, which need not be that of the machine the code runs on.</summary>
internal sealed partial class HostPaths(ILibraryHost host)
{
    private readonly char _separator = host.IsWindows ? '\\' : '/';

    public string Join(params string[] parts) =>
        string.Join(_separator, parts.Select((part, i) => i == parts.Length - 1 ? part : part.TrimEnd('/', '\\')));

    /// <summary>The paths in a variable that holds a list of them.</summary>
    public IEnumerable<string> ListIn(string variable) => (host.Variable(variable) ?? "").Split(
        host.IsWindows ? ';' : ':', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>The folder of a path that may name a file in it.</summary>
    public string FolderOfFile(string path) => host.FileExists(path) ? Parent(path) : path;

    /// <summary>The folder that holds a file or folder.</summary>
    public string Parent(string path)
    {
        string trimmed = path.TrimEnd('/', '\\');
        int last = trimmed.LastIndexOfAny(host.IsWindows ? ['/', '\\'] : ['/']);
        return last > 0 ? trimmed[..last] : trimmed[..(last + 1)];
    }

    /// <summary>The last part of a path.</summary>
    public string Name(string path) => path.TrimEnd('/', '\\')[Parent(path).Length..].Trim('/', '\\');

    /// <summary>
    /// The first two numbers in a name such as python3.11, cuda-12.4 or CUDA_PATH_V13_0, for sorting.
    /// </summary>
    public static Version VersionIn(string name)
    {
        Match match = VersionPattern().Match(name);
        return new Version(Number(match.Groups[1]), Number(match.Groups[2]));

        static int Number(Group digits) =>
            digits.Success ? int.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"([0-9]{1,4})(?:[._]([0-9]{1,4}))?")]
    private static partial Regex VersionPattern();
}
