namespace CudaViT.Core;

/// <summary>
/// Compares gradients with central differences in float64, on every element of the inputs.
/// </summary>
/// <remarks>
/// The function is reduced to a number by a random upstream gradient, L = Σ u·f(x): with all ones, the errors of
/// operations whose outputs sum to a constant (softmax, layer normalization) would cancel. The step is near the cube
/// root of the machine epsilon, where truncation and rounding balance. An element that disagrees is looked at with half
/// the step: where the second difference L(x+h) − 2L(x) + L(x−h) shrinks by two instead of four, the function has a
/// kink.
/// </remarks>
public static class GradCheck
{
    /// <summary>Step of the differences, for inputs of order one.</summary>
    public const double Step = 6e-6;

    /// <summary>
    /// Largest difference allowed, relative to the element or to the root mean square of its input's gradient.
    /// </summary>
    public const double RelativeBound = 1e-7;

    private const int WorstKept = 5;

    /// <summary>Checks a function of one tensor and throws unless it passes.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="x">Where to check; F64, any shape. Its values are changed during the check and restored.</param>
    /// <exception cref="GradCheckException">The verdict is not <see cref="GradCheckVerdict.Pass"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not F64.</exception>
    public static void Run(Func<Tensor, Tensor> function, Tensor x) => Run(inputs => function(inputs[0]), x);

    /// <summary>Checks a function of several tensors by all of them and throws unless it passes.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="inputs">Where to check; F64. Their values are changed during the check and restored.</param>
    /// <exception cref="GradCheckException">The verdict is not <see cref="GradCheckVerdict.Pass"/>.</exception>
    /// <exception cref="ArgumentException">An input is not F64.</exception>
    public static void Run(Func<Tensor[], Tensor> function, params Tensor[] inputs)
    {
        GradCheckReport report = Examine(function, inputs);
        if (report.Verdict != GradCheckVerdict.Pass)
        {
            throw new GradCheckException(report);
        }
    }

    /// <summary>Checks a function of several tensors by all of them.</summary>
    /// <param name="function">Must not depend on anything that changes between calls.</param>
    /// <param name="inputs">Where to check; F64. Their values are changed during the check and restored.</param>
    /// <exception cref="ArgumentException">An input is not F64, or there is none.</exception>
    public static GradCheckReport Examine(Func<Tensor[], Tensor> function, params Tensor[] inputs)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(inputs);
        foreach (Tensor input in inputs)
        {
            if (input.DType != DType.F64)
            {
                throw new ArgumentException($"Gradient checks run in F64, but an input is {input.DType}.");
            }
        }

        return inputs.Length == 0
            ? throw new ArgumentException("A gradient check needs at least one input.")
            : new Examination(function, inputs).Run();
    }

    private sealed class Examination
    {
        private readonly Func<Tensor[], Tensor> _function;
        private readonly Tensor[] _leaves;
        private readonly double[][] _values;
        private double[] _upstream = [];
        private Shape _outputShape;

        // Rounding noise of L, from the size of the terms that it sums.
        private double _noise;

        public Examination(Func<Tensor[], Tensor> function, Tensor[] inputs)
        {
            _function = function;
            _values = Array.ConvertAll(inputs, input => input.Data.ToArray<double>());
            _leaves = Array.ConvertAll(inputs, input => new Tensor(input.Data.Clone(), requiresGrad: true));
        }

        public GradCheckReport Run()
        {
            double[] output = Forward(out _outputShape);
            if (!Forward(out _).AsSpan().SequenceEqual(output))
            {
                return Failure(GradCheckVerdict.NotRepeatable, "two forward passes on the same input differ");
            }

            DrawUpstream(output.Length);
            _noise = Math.ScaleB(output.Zip(_upstream, (y, u) => Math.Abs(y * u)).Sum(), -52);
            double[]?[] gradients = Backward();
            double[]?[] again = Backward();
            for (int i = 0; i < gradients.Length; i++)
            {
                if (gradients[i] is null)
                {
                    return Failure(GradCheckVerdict.Wrong, $"input {i} received no gradient");
                }

                if (!gradients[i].AsSpan().SequenceEqual(again[i]))
                {
                    return Failure(
                        GradCheckVerdict.NotRepeatable, $"two backward passes differ in the gradient of input {i}");
                }
            }

            var elements = new List<GradCheckElement>();
            for (int i = 0; i < gradients.Length; i++)
            {
                Compare(i, gradients[i]!, elements);
            }

            return new GradCheckReport(
                elements.Count == 0 ? GradCheckVerdict.Pass : elements.Max(element => element.Verdict),
                elements.Count,
                [.. elements.OrderByDescending(e => e.Verdict).ThenByDescending(e => e.ErrorOverBound).Take(WorstKept)],
                Detail: null);
        }

        private static GradCheckReport Failure(GradCheckVerdict verdict, string detail) => new(verdict, 0, [], detail);

        private double[] Forward(out Shape shape)
        {
            using var scope = new StepScope();
            using var noGrad = new NoGrad();
            Tensor y = _function(_leaves);
            shape = y.Shape;
            return y.Data.ToDoubles();
        }

        // Uniform in ±[0.5, 1.5): no output goes unnoticed, and no two count alike.
        private void DrawUpstream(int count)
        {
            var random = new Random(20101);
            _upstream = new double[count];
            for (int i = 0; i < count; i++)
            {
                _upstream[i] = (0.5 + random.NextDouble()) * (random.Next(2) == 0 ? -1 : 1);
            }
        }

        private double[]?[] Backward()
        {
            using var scope = new StepScope();
            Tensor y = _function(_leaves);
            y.Backward(NdArray.FromDoubles(y.Backend, _upstream, _outputShape, y.DType));
            double[]?[] gradients = Array.ConvertAll(_leaves, leaf => leaf.Grad?.ToDoubles());
            Array.ForEach(_leaves, leaf => leaf.ZeroGrad());
            return gradients;
        }

        private void Compare(int input, double[] gradient, List<GradCheckElement> elements)
        {
            double rms = Math.Sqrt(gradient.Sum(g => g * g) / Math.Max(1, gradient.Length));
            Shape shape = _leaves[input].Shape;
            for (int j = 0; j < gradient.Length; j++)
            {
                double step = Step * Math.Max(1, Math.Abs(_values[input][j]));
                double numeric = Difference(input, j, step);
                double scale = Math.Max(rms, Math.Max(Math.Abs(gradient[j]), Math.Abs(numeric)));
                double bound = (RelativeBound * scale) + (4 * _noise / step) + double.Epsilon;

                // Written so that NaN on either side counts as wrong; an infinity would be within its own bound.
                bool agrees = double.IsFinite(scale) && Math.Abs(gradient[j] - numeric) <= bound;
                GradCheckVerdict verdict = agrees ? GradCheckVerdict.Pass
                    : HasKink(input, j, step) ? GradCheckVerdict.AtKink
                    : GradCheckVerdict.Wrong;
                elements.Add(new GradCheckElement(
                    input, Unravel(j, shape), gradient[j], numeric, bound, Ulps(gradient[j], numeric), verdict));
            }
        }

        private double Difference(int input, int element, double step) =>
            (Loss(input, element, step) - Loss(input, element, -step)) / (2 * step);

        // A smooth function's second difference is h²·L″, a kink's is h times the jump of the slope.
        private bool HasKink(int input, int element, double step)
        {
            double whole = SecondDifference(input, element, step);
            double half = SecondDifference(input, element, step / 2);
            return Math.Abs(whole) > 100 * _noise && Math.Abs(half) > Math.Abs(whole) / 3;
        }

        private double SecondDifference(int input, int element, double step) =>
            Loss(input, element, step) - (2 * Loss(input, element, 0)) + Loss(input, element, -step);

        private double Loss(int input, int element, double step)
        {
            double original = _values[input][element];
            _values[input][element] = original + step;
            _leaves[input].Data.CopyFrom<double>(_values[input]);
            double[] output = Forward(out _);
            _values[input][element] = original;
            _leaves[input].Data.CopyFrom<double>(_values[input]);

            // Neumaier's compensated sum: the two losses agree in most of their digits.
            double sum = 0;
            double lost = 0;
            for (int i = 0; i < output.Length; i++)
            {
                double term = output[i] * _upstream[i];
                double next = sum + term;
                lost += Math.Abs(sum) >= Math.Abs(term) ? sum - next + term : term - next + sum;
                sum = next;
            }

            return sum + lost;
        }

        private static int[] Unravel(int index, Shape shape)
        {
            int[] place = new int[shape.Rank];
            for (int axis = shape.Rank - 1; axis >= 0; axis--)
            {
                (index, place[axis]) = Math.DivRem(index, shape[axis]);
            }

            return place;
        }

        private static double Ulps(double a, double b)
        {
            double unit = Math.BitIncrement(Math.Max(Math.Abs(a), Math.Abs(b))) - Math.Max(Math.Abs(a), Math.Abs(b));
            return Math.Abs(a - b) / unit;
        }
    }
}
