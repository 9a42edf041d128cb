using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>An error that a compiler reported.</summary>
/// <param name="File">The file, as the compiler was told its name.</param>
/// <param name="Line">Line in that file, from 1; 0 where the compiler named none.</param>
/// <param name="Text">What is wrong.</param>
public sealed partial record KernelDiagnostic(string File, int Line, string Text)
{
    /// <summary>Finds the errors in the log of NVRTC, g++ or clang++.</summary>
    public static IReadOnlyList<KernelDiagnostic> Parse(string log)
    {
        ArgumentNullException.ThrowIfNull(log);
        return [.. ErrorPattern().Matches(log).Select(match => new KernelDiagnostic(
            match.Groups["file"].Value,
            int.Parse(match.Groups["line"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture),
            match.Groups["text"].Value))];
    }

    /// <summary>File, line and text, as editors and terminals recognise them.</summary>
    public override string ToString() => $"{File}:{Line}: {Text}";

    // NVRTC writes `file(12): error: text`, the others `file:12:7: error: text`.
    [GeneratedRegex(
        @"^(?<file>[^\r\n]+?)(?:\((?<line>[0-9]+)\)|:(?<line>[0-9]+)(?::[0-9]+)?): "
        + @"(?:catastrophic |fatal )?error(?: #[0-9A-Z-]+)?: (?<text>[^\r\n]+)",
        RegexOptions.Multiline)]
    private static partial Regex ErrorPattern();
}
