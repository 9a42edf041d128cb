using System.Globalization;
using System.Text;

namespace CudaViT.Core;

/// <summary>
/// An array's values as NumPy prints them: one column width for all, eight digits after the point at most, a common
/// form with exponents where the sizes differ much, and "..." in place of the middle of what is large.
/// </summary>
internal static class ArrayText
{
    private const int LineWidth = 75;
    private const int MostElements = 1000;
    private const int EdgeItems = 3;
    private const string Omitted = "...";

    /// <summary>The values, without type and shape. Of a large array only the edges are read.</summary>
    public static string Of(NdArray array)
    {
        if (array.Count == 0)
        {
            return "[]";
        }

        if (array.Shape.Rank == 0)
        {
            return ElementFormat.Alone(array);
        }

        bool shortens = array.Count > MostElements;
        Node root = Read(array, shortens);
        var format = ElementFormat.For(array.DType, [.. root.Leaves()]);
        var text = new StringBuilder();
        Write(text, root, format, array.Shape.Rank, indent: 1, LineWidth);
        return text.ToString();
    }

    private static Node Read(NdArray array, bool shortens)
    {
        int length = array.Shape[0];
        bool cuts = shortens && length > 2 * EdgeItems;
        (int Start, int End)[] ranges = cuts ? [(0, EdgeItems), (length - EdgeItems, length)] : [(0, length)];
        if (array.Shape.Rank == 1)
        {
            return new Node(
                cuts, [], [.. ranges.SelectMany(range => ElementFormat.Values(array.Rows(range.Start, range.End)))]);
        }

        var rest = Shape.Create(array.Shape.Dimensions[1..]);
        return new Node(
            cuts,
            [.. ranges.SelectMany(range => Enumerable.Range(range.Start, range.End - range.Start))
                .Select(i => Read(array.Rows(i, i + 1).Reshape(rest), shortens))],
            []);
    }

    // Rows of the last axis are wrapped at the width; a blank line separates matrices, two separate stacks of them.
    private static void Write(StringBuilder text, Node node, ElementFormat format, int axes, int indent, int width)
    {
        text.Append('[');
        if (axes == 1)
        {
            string[] words = [.. node.Values.Select(format.Text)];
            words = node.IsCut ? [.. words[..EdgeItems], Omitted, .. words[EdgeItems..]] : words;
            WriteRow(text, words, indent, width - 1);
        }
        else
        {
            string newLine = new string('\n', axes - 1) + new string(' ', indent);
            for (int i = 0; i < node.Parts.Length; i++)
            {
                text.Append(i == 0 ? "" : newLine);
                if (node.IsCut && i == EdgeItems)
                {
                    text.Append(Omitted).Append(newLine);
                }

                Write(text, node.Parts[i], format, axes - 1, indent + 1, width - 1);
            }
        }

        text.Append(']');
    }

    private static void WriteRow(StringBuilder text, string[] words, int indent, int width)
    {
        int column = indent;
        for (int i = 0; i < words.Length; i++)
        {
            // A word that alone is too long for a line stays where it is.
            if (i > 0 && column + 1 + words[i].Length > width)
            {
                while (text[^1] == ' ')
                {
                    text.Length--; // what pads the last value of a line
                }

                text.Append('\n').Append(' ', indent);
                column = indent;
            }
            else if (i > 0)
            {
                text.Append(' ');
                column++;
            }

            text.Append(words[i]);
            column += words[i].Length;
        }
    }

    /// <summary>What is shown of an array: the values of a row, or the parts along the first axis.</summary>
    private sealed record Node(bool IsCut, Node[] Parts, object[] Values)
    {
        public IEnumerable<object> Leaves() => Values.Concat(Parts.SelectMany(part => part.Leaves()));
    }

    /// <summary>How each value of an array is written, so that all take the same width.</summary>
    private sealed class ElementFormat
    {
        private const int MostDigits = 8;

        private bool _isWhole;
        private bool _hasExponent;
        private int _left;      // before the point, sign included
        private int _right;     // after it
        private int _exponent;  // digits of the exponent

        private int Width => _left + (_isWhole ? 0 : 1 + _right + (_hasExponent ? 2 + _exponent : 0));

        /// <summary>Values to be shown: <see cref="double"/>, <see cref="float"/> or <see cref="long"/>.</summary>
        public static IEnumerable<object> Values(NdArray row) => row.DType switch
        {
            DType.F64 => row.ToArray<double>().Cast<object>(),
            DType.F32 => row.ToArray<float>().Cast<object>(),
            DType.BF16 => row.ToArray<BFloat16>().Select(value => (object)(float)value),
            DType.I64 => row.ToArray<long>().Cast<object>(),
            DType.I32 => row.ToArray<int>().Select(value => (object)(long)value),
            _ => row.ToArray<byte>().Select(value => (object)(long)value),
        };

        /// <summary>The only value of an array without dimensions.</summary>
        public static string Alone(NdArray scalar)
        {
            object value = Values(scalar.Reshape(1)).Single();
            if (value is long || !double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)))
            {
                return Special(value);
            }

            var number = Decimal.Of(value);
            double size = Math.Abs(Convert.ToDouble(value, CultureInfo.InvariantCulture));
            if (size != 0 && size is < 1e-4 or >= 1e16)
            {
                (string whole, string fraction, int exponent) = number.Scientific(int.MaxValue, value);
                return $"{whole}{(fraction.Length > 0 ? "." : "")}{fraction}{Exponent(exponent, 2)}";
            }

            (string left, string right) = number.Positional(int.MaxValue, value);
            return $"{left}.{(right.Length > 0 ? right : "0")}";
        }

        public static ElementFormat For(DType dtype, object[] values)
        {
            if (!dtype.IsFloatingPoint())
            {
                return new ElementFormat { _isWhole = true, _left = values.Max(value => Special(value).Length) };
            }

            double[] numbers = Array.ConvertAll(values, v => Convert.ToDouble(v, CultureInfo.InvariantCulture));
            object[] finite = [.. values.Where((_, i) => double.IsFinite(numbers[i]))];
            double[] sizes = [.. numbers.Where(v => double.IsFinite(v) && v != 0).Select(Math.Abs)];
            var format = new ElementFormat
            {
                _hasExponent = sizes.Length > 0
                    && (sizes.Max() >= 1e8 || sizes.Min() < 1e-4 || sizes.Max() / sizes.Min() > 1000),
            };
            foreach (object value in finite)
            {
                (string left, string right) = format.Parts(value, out int exponent);
                format._left = Math.Max(format._left, left.Length);
                format._right = Math.Max(format._right, right.Length);
                if (format._hasExponent)
                {
                    format._exponent = Math.Max(format._exponent, Exponent(exponent, 2).Length - 2);
                }
            }

            int special = values.Where((_, i) => !double.IsFinite(numbers[i]))
                .Select(value => Special(value).Length).DefaultIfEmpty(0).Max();
            format._left += Math.Max(0, special - format.Width);
            return format;
        }

        public string Text(object value)
        {
            if (value is long || !double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture)))
            {
                return Special(value).PadLeft(Width);
            }

            (string left, string right) = Parts(value, out int exponent);
            return _hasExponent
                ? $"{left.PadLeft(_left)}.{right.PadRight(_right, '0')}{Exponent(exponent, _exponent)}"
                : $"{left.PadLeft(_left)}.{right.PadRight(_right)}";
        }

        private (string Left, string Right) Parts(object value, out int exponent)
        {
            var number = Decimal.Of(value);
            exponent = 0;
            if (!_hasExponent)
            {
                return number.Positional(MostDigits, value);
            }

            (string left, string right, exponent) = number.Scientific(MostDigits, value);
            return (left, right);
        }

        private static string Exponent(int exponent, int digits) =>
            $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString($"D{digits}", CultureInfo.InvariantCulture)}";

        private static string Special(object value) => value switch
        {
            long whole => whole.ToString(CultureInfo.InvariantCulture),
            double.PositiveInfinity or float.PositiveInfinity => "inf",
            double.NegativeInfinity or float.NegativeInfinity => "-inf",
            _ => "nan",
        };
    }

    /// <summary>The fewest digits that tell a value from its neighbours: 0.DIGITS times ten to a power.</summary>
    private readonly record struct Decimal(string Sign, string Digits, int Point)
    {
        public static Decimal Of(object value)
        {
            string text = ((IFormattable)value).ToString("R", CultureInfo.InvariantCulture);
            string sign = text[0] == '-' ? "-" : "";
            string[] parts = text[sign.Length..].Split('E');
            string[] digits = parts[0].Split('.');
            int exponent = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
            string all = string.Concat(digits);
            string significant = all.TrimStart('0');
            int point = digits[0].Length + exponent - (all.Length - significant.Length);
            significant = significant.TrimEnd('0');
            return significant.Length == 0 ? new Decimal(sign, "", 1) : new Decimal(sign, significant, point);
        }

        /// <summary>
        /// Before and after the point; rounded where more digits than <paramref name="most"/> follow it.
        /// </summary>
        public (string Left, string Right) Positional(int most, object value)
        {
            if (Digits.Length - Point > most)
            {
                string[] rounded = ((IFormattable)value).ToString($"F{most}", CultureInfo.InvariantCulture).Split('.');
                return (rounded[0], rounded[1].TrimEnd('0'));
            }

            string left = Point <= 0 ? "0" : Digits[..Math.Min(Point, Digits.Length)].PadRight(Point, '0');
            string right = Point <= 0 ? new string('0', -Point) + Digits : Digits[Math.Min(Point, Digits.Length)..];
            return (Sign + left, right);
        }

        /// <summary>
        /// One digit before the point, at most <paramref name="most"/> after it, and the power of ten.
        /// </summary>
        public (string Left, string Right, int Exponent) Scientific(int most, object value)
        {
            if (Digits.Length == 0)
            {
                return (Sign + "0", "", 0);
            }

            if (Digits.Length - 1 > most)
            {
                string[] rounded = ((IFormattable)value).ToString($"E{most}", CultureInfo.InvariantCulture).Split('E');
                string[] parts = rounded[0].Split('.');
                return (parts[0], parts[1].TrimEnd('0'), int.Parse(rounded[1], CultureInfo.InvariantCulture));
            }

            return (Sign + Digits[..1], Digits[1..], Point - 1);
        }
    }
}
