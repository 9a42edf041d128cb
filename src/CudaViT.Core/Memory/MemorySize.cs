using System.Globalization;

namespace CudaViT.Core;

/// <summary>Sizes of memory as people write them.</summary>
public static class MemorySize
{
    private static readonly (string Name, long Bytes)[] Units =
        [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1)];

    /// <summary>The size in the largest unit of which it has one, with a decimal: 1.5 GiB, 700 B.</summary>
    public static string Text(long bytes)
    {
        (string name, long unit) = Units.FirstOrDefault(unit => bytes >= unit.Bytes, Units[^1]);
        return unit == 1
            ? $"{bytes} {name}"
            : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)unit:f1} {name}");
    }

    /// <summary>Reads <c>1.5GiB</c>, <c>512 MiB</c>, <c>80G</c>, or bytes without a unit.</summary>
    /// <exception cref="FormatException">The text is no size.</exception>
    public static long Parse(string text)
    {
        string trimmed = text.Trim();
        foreach ((string name, long unit) in Units)
        {
            foreach (string suffix in (ReadOnlySpan<string>)[name, name[..1]])
            {
                if (trimmed.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
                {
                    return Times(trimmed[..^suffix.Length], unit, text);
                }
            }
        }

        return Times(trimmed, 1, text);
    }

    private static long Times(string number, long unit, string text) =>
        double.TryParse(number.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
        && value * unit is > 0 and < long.MaxValue
            ? (long)(value * unit)
            : throw new FormatException($"'{text}' is no size of memory; expected for example 512MiB or 1.5GiB.");
}
