using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace CudaViT.Training.Reports.Html;

/// <summary>
/// HTML under construction. What stands in the text of an interpolated string is markup; what is put into its holes is
/// content and is escaped, wherever it comes from: <c>writer.Add($"&lt;td&gt;{name}&lt;/td&gt;")</c>.
/// </summary>
internal sealed class HtmlWriter
{
    private readonly StringBuilder _text = new();

    /// <summary>Adds markup with content in its holes.</summary>
#pragma warning disable CA1822, IDE0060 // The handler has written into this writer by the time of the call.
    public void Add([InterpolatedStringHandlerArgument("")] ref Markup markup)
#pragma warning restore CA1822, IDE0060
    {
    }

    /// <summary>Adds markup of our own as it is: a style sheet, a script, what another writer made.</summary>
    public void AddMarkup(string markup) => _text.Append(markup);

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    /// <summary>Writes the pieces of an interpolated string.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Markup
    {
        private readonly StringBuilder _text;

        /// <summary>Called by the compiler, which prescribes the parameters.</summary>
#pragma warning disable IDE0060 // The builder grows by itself: asking for room would copy it at every call.
        public Markup(int literalLength, int formattedCount, HtmlWriter writer) => _text = writer._text;
#pragma warning restore IDE0060

        /// <summary>Markup.</summary>
        public void AppendLiteral(string value) => _text.Append(value);

        /// <summary>
        /// Text, to be escaped. What cannot stand in a page, such as control characters, becomes a mark.
        /// </summary>
        public void AppendFormatted(string? value) => _text.Append(WebUtility.HtmlEncode(Printable(value ?? "")));

        /// <summary>A coordinate or another number: two decimals, no more.</summary>
        public void AppendFormatted(double value) =>
            _text.Append(CultureInfo.InvariantCulture, $"{value:0.##}");

        /// <summary>A whole number.</summary>
        public void AppendFormatted(long value) => _text.Append(CultureInfo.InvariantCulture, $"{value}");

        /// <summary>A whole number.</summary>
        public void AppendFormatted(int value) => _text.Append(CultureInfo.InvariantCulture, $"{value}");

        /// <summary>A number in a format, whatever the machine's language.</summary>
        public void AppendFormatted<T>(T value, string format)
            where T : IFormattable =>
            _text.Append(WebUtility.HtmlEncode(value.ToString(format, CultureInfo.InvariantCulture)));

        private static string Printable(string value) => value.Any(IsForbidden)
            ? string.Concat(value.Select(c => IsForbidden(c) ? '\uFFFD' : c))
            : value;

        // Lone halves of surrogate pairs are possible in names of files; whole pairs stay.
        private static bool IsForbidden(char c) => char.IsControl(c) && c is not ('\n' or '\t');
    }
}
