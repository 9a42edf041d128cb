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

    private (int Input, long Output, long First, int Count) _prepared;
    private int _capacity; // weights kept for each output
    private int[] _weights = [];
    private (int First, int Count)[] _ranges = [];

    /// <summary>A weighted sum that began with <see cref="Half"/>, as a byte.</summary>
    public static byte Round(int sum) => (byte)Math.Clamp(sum >> FractionBits, 0, byte.MaxValue);

    /// <summary>The first input that any of the prepared outputs takes.</summary>
    public int FirstInput { get; private set; }

    /// <summary>Inputs from there to the last that any of them takes.</summary>
    public int InputCount { get; private set; }

    /// <summary>Computes the weights of some outputs, unless they are those of the time before.</summary>
    /// <param name="input">Pixels of the line.</param>
    /// <param name="output">Pixels it is resized to, of which most may never be computed.</param>
    /// <param name="first">The first output that is wanted.</param>
    /// <param name="count">How many are.</param>
    public void Prepare(int input, long output, long first, int count)
    {
        if (_prepared == (input, output, first, count))
        {
            return;
        }

        _prepared = (input, output, first, count);
        double scale = (double)input / output;
        double stretch = Math.Max(scale, 1);
        double support = stretch * (interpolation == Interpolation.Bicubic ? 2 : 1);
        _capacity = ((int)Math.Ceiling(support) * 2) + 1;
        if (_weights.Length < count * _capacity)
        {
            _weights = new int[count * _capacity];
        }

        if (_ranges.Length < count)
        {
            _ranges = new (int, int)[count];
        }

        int end = 0;
        for (int x = 0; x < count; x++)
        {
            double centre = (first + x + 0.5) * scale;
            int from = Math.Max((int)(centre - support + 0.5), 0);
            int taken = Math.Min((int)(centre + support + 0.5), input) - from;
            _ranges[x] = (from, taken);
            end = from + taken;
            Quantize(from, centre, 1 / stretch, _weights.AsSpan(x * _capacity, taken));
        }

        FirstInput = _ranges[0].First; // both ends of the ranges grow from one output to the next
        InputCount = end - FirstInput;
    }

    /// <summary>
    /// The weights of the prepared output <paramref name="x"/>; the first belongs to input <paramref name="first"/>,
    /// counted from <see cref="FirstInput"/>.
    /// </summary>
    public ReadOnlySpan<int> Weights(int x, out int first)
    {
        (first, int count) = _ranges[x];
        first -= FirstInput;
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
