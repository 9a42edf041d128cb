namespace CudaViT.Training.Data;

/// <summary>Fixed-point weights that resize a line of pixels from one length to another.</summary>
/// <remarks>
/// With scale = input / output and support = max(scale, 1), output x has its centre at (x + 0.5) scale and takes the
/// input pixels from trunc(centre - support + 0.5) to trunc(centre + support + 0.5), clipped, with the weight
/// max(0, 1 - |pixel + 0.5 - centre| / support), normalised to sum 1 and rounded to multiples of 2^-22.
/// </remarks>
internal sealed class ResizeFilter
{
    public const int FractionBits = 22;
    public const int Half = 1 << (FractionBits - 1);

    private (int Input, int Output) _sizes;
    private int _capacity; // weights kept for each output
    private int[] _weights = [];
    private (int First, int Count)[] _ranges = [];

    /// <summary>A weighted sum that began with <see cref="Half"/>, as a byte; the weights are never negative.</summary>
    public static byte Round(int sum) => (byte)Math.Min(sum >> FractionBits, byte.MaxValue);

    /// <summary>Computes the weights, unless they are those of the time before.</summary>
    public void Prepare(int input, int output)
    {
        if (_sizes == (input, output))
        {
            return;
        }

        _sizes = (input, output);
        double scale = (double)input / output;
        double support = Math.Max(scale, 1);
        _capacity = ((int)Math.Ceiling(support) * 2) + 1;
        if (_weights.Length < output * _capacity)
        {
            _weights = new int[output * _capacity];
        }

        if (_ranges.Length < output)
        {
            _ranges = new (int, int)[output];
        }

        for (int x = 0; x < output; x++)
        {
            double centre = (x + 0.5) * scale;
            int first = Math.Max((int)(centre - support + 0.5), 0);
            int count = Math.Min((int)(centre + support + 0.5), input) - first;
            _ranges[x] = (first, count);
            Quantize(first, centre, support, _weights.AsSpan(x * _capacity, count));
        }
    }

    /// <summary>
    /// The weights of output <paramref name="x"/>; the first belongs to input <paramref name="first"/>.
    /// </summary>
    public ReadOnlySpan<int> Weights(int x, out int first)
    {
        (first, int count) = _ranges[x];
        return _weights.AsSpan(x * _capacity, count);
    }

    private static void Quantize(int first, double centre, double support, Span<int> weights)
    {
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += Triangle(first + i, centre, support);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = (int)((Triangle(first + i, centre, support) / sum * (1 << FractionBits)) + 0.5);
        }
    }

    private static double Triangle(int pixel, double centre, double support) =>
        Math.Max(0, 1 - Math.Abs((pixel - centre + 0.5) * (1 / support)));
}
