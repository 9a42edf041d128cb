namespace CudaViT.Core;

/// <summary>A slope by differences.</summary>
/// <param name="Value">The slope.</param>
/// <param name="Noise">How far rounding may have moved it.</param>
internal readonly record struct Difference(double Value, double Noise);

/// <summary>
/// L(x) = Σ u·f(x) along one element of an input. Differences are taken output by output, so that outputs that the
/// element does not move cancel exactly, and add no noise.
/// </summary>
/// <param name="output">f, given the element.</param>
/// <param name="x">Where the element is.</param>
/// <param name="center">f there.</param>
/// <param name="upstream">u.</param>
internal sealed class GradCheckLine(Func<double, double[]> output, double x, double[] center, double[] upstream)
{
    // Each step is a quarter of the one before; the last ones show the noise.
    private const int Steps = 12;
    private const int NoiseSteps = 4;
    private const int SmallestStepInUlps = 64;

    /// <summary>The largest step at which f is finite on both sides.</summary>
    public double FiniteStep() => FiniteStep(GradCheck.Step * Math.Max(1, Math.Abs(x)));

    /// <summary>Central difference; its noise is the rounding of the outputs that differ.</summary>
    public Difference Difference(double step) => Difference(step, dependent: null);

    /// <summary>The central difference that is least uncertain, of <paramref name="step"/> and smaller ones.</summary>
    /// <param name="step">What <see cref="FiniteStep()"/> returned.</param>
    /// <param name="scatter">Noise of L, as the differences with the smallest steps show it.</param>
    public Difference BestDifference(double step, out double scatter)
    {
        // An output that does not change even when the element moves far has a slope below this.
        double far = FiniteStep(Math.Max(step, Math.Max(1, Math.Abs(x)) / 2));
        bool[] dependent = Dependent(far);
        double hidden = 0;
        for (int i = 0; i < center.Length; i++)
        {
            hidden += dependent[i] ? 0 : Math.Abs(Math.ScaleB(center[i] * upstream[i], -52)) / far;
        }

        double smallest = SmallestStepInUlps * (Math.BitIncrement(Math.Abs(x)) - Math.Abs(x));
        List<(double Step, Difference Difference)> tries = [];
        do
        {
            tries.Add((step, Difference(step, dependent)));
            step /= 4;
        }
        while (step >= smallest && tries.Count < Steps);

        double[] changes =
            [0, .. tries.Zip(tries.Skip(1), (a, b) => Math.Abs(a.Difference.Value - b.Difference.Value))];
        int last = changes.Length - 1;
        double noise = 2 * tries.Zip(changes, (a, change) => a.Step * change).TakeLast(NoiseSteps).Max();

        scatter = noise;

        // The change from the step before is more than what truncation leaves.
        return tries
            .Select((a, k) => a.Difference with
            {
                Noise = Math.Max(a.Difference.Noise, noise / a.Step) + hidden + changes[Math.Clamp(k, 1, last)],
            })
            .MinBy(difference => difference.Noise);
    }

    /// <summary>
    /// Whether L bends within the step. A smooth function's second difference is h²·L″, a kink's is h times the jump of
    /// the slope.
    /// </summary>
    /// <param name="step">What <see cref="FiniteStep()"/> returned.</param>
    /// <param name="scatter">Noise of L beyond the rounding of its outputs.</param>
    public bool HasKink(double step, double scatter)
    {
        Difference whole = SecondDifference(step);
        Difference half = SecondDifference(step / 2);
        return Math.Abs(whole.Value) > 100 * Math.Max(whole.Noise, scatter)
            && Math.Abs(half.Value) > Math.Abs(whole.Value) / 3;
    }

    private double FiniteStep(double step)
    {
        while (x + step > x && x - step < x && !(IsFinite(output(x + step)) && IsFinite(output(x - step))))
        {
            step /= 8;
        }

        return step;
    }

    private static bool IsFinite(double[] values) => Array.TrueForAll(values, double.IsFinite);

    private Difference Difference(double step, bool[]? dependent)
    {
        double[] right = output(x + step);
        double[] left = output(x - step);
        double width = x + step - (x - step); // what the step has become by rounding
        var slope = new CompensatedSum();
        double rounded = 0;
        for (int i = 0; i < center.Length; i++)
        {
            slope.Add((right[i] - left[i]) * upstream[i]);
            rounded += dependent?[i] ?? (right[i] != left[i])
                ? Math.Abs(upstream[i]) * Math.Max(Math.Abs(right[i]), Math.Abs(left[i]))
                : 0;
        }

        return new Difference(slope.Value / width, 8 * Math.ScaleB(rounded, -52) / width);
    }

    private Difference SecondDifference(double step)
    {
        double[] right = output(x + step);
        double[] left = output(x - step);
        var sum = new CompensatedSum();
        double rounded = 0;
        for (int i = 0; i < center.Length; i++)
        {
            sum.Add((right[i] - (2 * center[i]) + left[i]) * upstream[i]);
            rounded += Math.Abs(center[i] * upstream[i]);
        }

        return new Difference(sum.Value, Math.ScaleB(rounded, -52));
    }

    private bool[] Dependent(double far)
    {
        double[] right = output(x + far);
        double[] left = output(x - far);
        return [.. center.Select((value, i) => right[i] != value || left[i] != value)];
    }

    // Neumaier's: what the differences have in common cancels.
    private struct CompensatedSum
    {
        private double _sum;
        private double _lost;

        public readonly double Value => _sum + _lost;

        public void Add(double term)
        {
            double next = _sum + term;
            _lost += Math.Abs(_sum) >= Math.Abs(term) ? _sum - next + term : term - next + _sum;
            _sum = next;
        }
    }
}
