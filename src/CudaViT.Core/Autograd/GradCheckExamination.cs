namespace CudaViT.Core;

/// <summary>One run of <see cref="GradCheck"/>.</summary>
internal sealed class GradCheckExamination
{
    private const int WorstKept = 5;

    private readonly Func<Tensor[], Tensor> _function;
    private readonly Tensor[] _leaves;
    private readonly double[][] _values;
    private double[] _output = [];
    private double[] _upstream = [];
    private Shape _outputShape;

    public GradCheckExamination(Func<Tensor[], Tensor> function, Tensor[] inputs)
    {
        _function = function;
        _values = Array.ConvertAll(inputs, input => input.Data.ToArray<double>());
        _leaves = Array.ConvertAll(inputs, input => new Tensor(input.Data.Clone(), requiresGrad: true));
    }

    public GradCheckReport Run()
    {
        _output = Forward(out _outputShape);
        if (!Forward(out _).AsSpan().SequenceEqual(_output))
        {
            return Failure(GradCheckVerdict.NotRepeatable, "two forward passes on the same input differ");
        }

        DrawUpstream(_output.Length);
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

        bool hasInputs = Array.Exists(_values, values => values.Length > 0);
        if (!hasInputs || _output.Length == 0)
        {
            return Failure(
                GradCheckVerdict.NothingCompared, $"{(hasInputs ? "the result has" : "the inputs have")} no elements");
        }

        var elements = new List<GradCheckElement>();
        for (int i = 0; i < gradients.Length; i++)
        {
            for (int j = 0; j < gradients[i]!.Length; j++)
            {
                elements.Add(Compare(i, j, gradients[i]![j]));
            }
        }

        return new GradCheckReport(
            elements.Max(element => element.Verdict),
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

    private GradCheckElement Compare(int input, int element, double gradient)
    {
        var line = new GradCheckLine(x => Output(input, element, x), _values[input][element], _output, _upstream);
        double step = line.FiniteStep();
        Difference difference = line.Difference(step);
        GradCheckVerdict verdict = Agrees(gradient, difference) ? GradCheckVerdict.Pass : GradCheckVerdict.Wrong;
        if (verdict == GradCheckVerdict.Wrong && double.IsFinite(difference.Value))
        {
            Difference best = line.BestDifference(step, out double scatter);
            if (line.HasKink(step, scatter))
            {
                verdict = GradCheckVerdict.AtKink;
            }
            else
            {
                difference = best;
                verdict = Agrees(gradient, best) ? GradCheckVerdict.Pass : GradCheckVerdict.Wrong;
            }
        }

        return new GradCheckElement(
            input, Unravel(element, _leaves[input].Shape), gradient, difference.Value, Bound(gradient, difference),
            Ulps(gradient, difference.Value), verdict);
    }

    // Written so that NaN on either side counts as wrong; an infinity would be within its own bound.
    private static bool Agrees(double gradient, Difference difference) =>
        double.IsFinite(gradient) && Math.Abs(gradient - difference.Value) <= Bound(gradient, difference);

    private static double Bound(double gradient, Difference difference) =>
        (GradCheck.RelativeBound * Math.Max(Math.Abs(gradient), Math.Abs(difference.Value)))
        + difference.Noise + double.Epsilon;

    private double[] Output(int input, int element, double x)
    {
        double original = _values[input][element];
        _values[input][element] = x;
        _leaves[input].Data.CopyFrom<double>(_values[input]);
        double[] output = Forward(out _);
        _values[input][element] = original;
        _leaves[input].Data.CopyFrom<double>(_values[input]);
        return output;
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
