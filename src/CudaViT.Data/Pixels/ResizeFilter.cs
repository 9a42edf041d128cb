namespace CudaViT.Data.Pixels;

/// <summary>Fixed-point weights that resize a line of pixels from one length to another.</summary>
/// <remarks>
/// With scale = input / output and stretch = max(scale, 1), output x has its centre at (x + 0.5) scale and takes the
/// input pixels from trunc(centre - r stretch + 0.5) to trunc(centre + r stretch + 0.5), clipped, with the weight
/// w((pixel + 0.5 - centre) / stretch), normalised to sum 1 and rounded to multiples of 2^-22. Bilinear: r = 1,
/// w(t) = max(0, 1 - |t|). Bicubic: r = 2 and Keys' kernel (R. Keys, "Cubic convolution interpolation for digital image
/// processing", 1981), whose outer parts are negative.
/// </remarks>
/// <param name="interpolation">The kernel w.</param>
internal sealed class ResizeFilter(Interpolation interpolation)
{
    public const int FractionBits = 22;
    public const int Half = 1 << (FractionBits - 1);

    private const double CubicA = -0.5;

    private (int Input, int Output) _sizes;
    private int _capacity; // weights kept for each output
    private int[] _weights = [];
    private (int First, int Count)[] _ranges = [];

    /// <summary>A weighted sum that began with <see cref="Half"/>, as a byte.</summary>
    public static byte Round(int sum) => (byte)Math.Clamp(sum >> FractionBits, 0, byte.MaxValue);

    /// <summary>Computes the weights, unless they are those of the time before.</summary>
    public void Prepare(int input, int output)
    {
        if (_sizes == (input, output))
        {
            return;
        }

        _sizes = (input, output);
        double scale = (double)input / output;
        double stretch = Math.Max(scale, 1);
        double support = stretch * (interpolation == Interpolation.Bicubic ? 2 : 1);
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
            Quantize(first, centre, 1 / stretch, _weights.AsSpan(x * _capacity, count));
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

    private void Quantize(int first, double centre, double shrink, Span<int> weights)
    {
        double sum = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += Weight((first + i - centre + 0.5) * shrink);
        }

        for (int i = 0; i < weights.Length; i++)
        {
            double scaled = Weight((first + i - centre + 0.5) * shrink) / sum * (1 << FractionBits);
            weights[i] = (int)(scaled + (scaled < 0 ? -0.5 : 0.5));
        }
    }

    private double Weight(double distance)
    {
        double t = Math.Abs(distance);
        if (interpolation == Interpolation.Bilinear)
        {
            return Math.Max(0, 1 - t);
        }

        return t < 1 ? (((CubicA + 2) * t) - (CubicA + 3)) * t * t + 1
            : t < 2 ? ((((t - 5) * t) + 8) * t - 4) * CubicA
            : 0;
    }
}
