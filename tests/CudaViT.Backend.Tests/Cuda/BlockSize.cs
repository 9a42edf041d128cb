using System.Globalization;
using System.Text.RegularExpressions;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>How many threads a block of a kernel has at most, by what its file says.</summary>
internal static partial class BlockSize
{
    private const int Most = 1024;

    /// <summary>
    /// From __launch_bounds__ of the kernel; else the largest block that the header's Launch lines name; else as many
    /// as a device allows.
    /// </summary>
    public static int Of(KernelFile file, string entry)
    {
        Match bounds = Regex.Match(
            file.Text, $@"__global__ void\s+__launch_bounds__\((?<threads>\w+)[^)]*\)\s*{Regex.Escape(entry)}\s*\(");
        return bounds.Success ? Value(file, bounds.Groups["threads"].Value) : FromHeader(file.Text) ?? Most;
    }

    private static int Value(KernelFile file, string word)
    {
        if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            return number;
        }

        var constant = new Regex($@"constexpr int {Regex.Escape(word)} = (?<value>[0-9]+);");
        Match found = file.Includes.Values.Prepend(file.Text).Select(text => constant.Match(text)).FirstOrDefault(
            match => match.Success, Match.Empty);
        return found.Success
            ? int.Parse(found.Groups["value"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)
            : throw new FormatException(
                $"{file.Name}: __launch_bounds__({word}): there is no constexpr int {word} = N.");
    }

    private static int? FromHeader(string text)
    {
        string[] lines = [.. text.Split('\n').TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal))
            .SkipWhile(line => !line.StartsWith("// Launch ", StringComparison.Ordinal))];
        string launch = string.Concat(
            lines.Take(1).Concat(lines.Skip(1).TakeWhile(line => line.StartsWith("//  ", StringComparison.Ordinal))));
        int[] sizes = [.. BlockPattern().Matches(launch).Select(match => match.Groups["threads"].Captures.Aggregate(
            1,
            (product, axis) => product * int.Parse(axis.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)))];
        return sizes.Length > 0 ? sizes.Max() : null;
    }

    [GeneratedRegex(@"\bblock (?:\((?<threads>[0-9]+)(?:, (?<threads>[0-9]+))*\)|(?<threads>[0-9]+))")]
    private static partial Regex BlockPattern();
}
