using System.Globalization;

namespace CudaViT.Cuda;

/// <summary>
/// A formula such as <c>2*N*D*sizeof(scalar_t) + N*sizeof(acc_t)</c>: whole numbers, names, sizes of types, sums,
/// differences, products, quotients and parentheses.
/// </summary>
public sealed class CostFormula
{
    private readonly string _text;
    private readonly Func<Func<string, double>, double> _value;
    private readonly SortedSet<string> _names;

    private CostFormula(string text, Func<Func<string, double>, double> value, SortedSet<string> names) =>
        (_text, _value, _names) = (text, value, names);

    /// <summary>Names that need a value; a size is named like <c>sizeof(scalar_t)</c>.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <summary>Reads a formula.</summary>
    /// <exception cref="FormatException">The text is no formula; the message says where.</exception>
    public static CostFormula Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parser = new Parser(text);
        Func<Func<string, double>, double> value = parser.Sum();
        parser.ExpectEnd();
        return new CostFormula(text.Trim(), value, parser.Names);
    }

    /// <summary>The formula's value.</summary>
    /// <param name="valueOf">Gives each of <see cref="Names"/> its value.</param>
    public double Evaluate(Func<string, double> valueOf) => _value(valueOf);

    /// <summary>The formula as it was written.</summary>
    public override string ToString() => _text;

    private sealed class Parser(string text)
    {
        private int _at;

        public SortedSet<string> Names { get; } = new(StringComparer.Ordinal);

        public Func<Func<string, double>, double> Sum()
        {
            Func<Func<string, double>, double> left = Product();
            while (Take('+', '-') is { } sign)
            {
                (Func<Func<string, double>, double> first, Func<Func<string, double>, double> second) =
                    (left, Product());
                left = sign == '+' ? v => first(v) + second(v) : v => first(v) - second(v);
            }

            return left;
        }

        public void ExpectEnd()
        {
            SkipSpaces();
            if (_at < text.Length)
            {
                throw Unexpected();
            }
        }

        private Func<Func<string, double>, double> Product()
        {
            Func<Func<string, double>, double> left = Factor();
            while (Take('*', '/') is { } sign)
            {
                (Func<Func<string, double>, double> first, Func<Func<string, double>, double> second) =
                    (left, Factor());
                left = sign == '*' ? v => first(v) * second(v) : v => first(v) / second(v);
            }

            return left;
        }

        private Func<Func<string, double>, double> Factor()
        {
            if (Take('(', '(') is not null)
            {
                Func<Func<string, double>, double> inner = Sum();
                return Take(')', ')') is null ? throw Unexpected() : inner;
            }

            SkipSpaces();
            int start = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_'))
            {
                _at++;
            }

            string word = text[start.._at];
            if (word.Length == 0)
            {
                throw Unexpected();
            }

            if (char.IsAsciiDigit(word[0]))
            {
                double number = double.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture);
                return _ => number;
            }

            string name = word == "sizeof" ? $"sizeof({TypeInParentheses()})" : word;
            Names.Add(name);
            return valueOf => valueOf(name);
        }

        private string TypeInParentheses()
        {
            int close = text.IndexOf(')', _at);
            if (Take('(', '(') is null || close < 0)
            {
                throw Unexpected();
            }

            string type = text[_at..close].Trim();
            _at = close + 1;
            return type;
        }

        private char? Take(char one, char other)
        {
            SkipSpaces();
            return _at < text.Length && (text[_at] == one || text[_at] == other) ? text[_at++] : null;
        }

        private void SkipSpaces()
        {
            while (_at < text.Length && text[_at] == ' ')
            {
                _at++;
            }
        }

        private FormatException Unexpected() => new(
            _at < text.Length
                ? $"'{text[_at]}' at column {_at + 1} of '{text}' is not expected there."
                : $"'{text}' ends too early.");
    }
}
