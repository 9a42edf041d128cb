using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.Emulator;

/// <summary>Names files and lines where the runtime's messages name addresses in modules.</summary>
internal static partial class SourceLocator
{
    private static readonly ConcurrentDictionary<(string Module, string Offset), string> Known = new();

    /// <summary>Replaces every place; innermost first where functions were inlined.</summary>
    public static string Resolve(string message) => PlacePattern().Replace(
        message, match => Known.GetOrAdd((match.Groups["module"].Value, match.Groups["offset"].Value), Ask));

    private static string Ask((string Module, string Offset) place)
    {
        // Comes with the linker, so it is there where modules can be compiled.
        if (HostCompiler.Start("addr2line", ["-i", "-e", place.Module, $"0x{place.Offset}"]) is not (0, string output))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(place.Module)}+0x{place.Offset}");
        }

        // The shim's own lines say nothing about the kernel.
        return string.Join(
            ", called from ",
            LinePattern().Matches(output).Select(line => line.Groups["line"].Value)
                .Where(line => !line.StartsWith("cuda_shim.h", StringComparison.Ordinal)
                    && !line.StartsWith("ptx_host.h", StringComparison.Ordinal)));
    }

    [GeneratedRegex("\u001f(?<module>[^\u001f]*)\u001f(?<offset>[0-9a-f]+)\u001f")]
    private static partial Regex PlacePattern();

    [GeneratedRegex(@"^(?:.*/)?(?<line>[^/\s]+:\d+)", RegexOptions.Multiline)]
    private static partial Regex LinePattern();
}
