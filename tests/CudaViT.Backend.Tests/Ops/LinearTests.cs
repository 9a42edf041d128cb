using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class LinearTests
{
    // (rows, inputs, outputs): single elements; all odd; rows over a block of partial sums and over several tiles of
    // the product; past a block in depth; no rows; whole 16-byte packs, more columns than a block of 256 of them sums.
    public static TheoryData<string, DType, int, int, int> Cases =>
        Backends.Cross((1, 1, 1), (5, 7, 3), (133, 40, 161), (6, 400, 17), (0, 3, 4), (130, 72, 264));

    [Theory, MemberData(nameof(Cases))]
    public void Plain_layers_agree_with_the_double_reference(
        string backend, DType dtype, int rows, int inputs, int outputs)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, dtype, rows, inputs, outputs);

        Tensor y = Linear.Apply(layer.X, layer.Weight);
        y.Backward(layer.Dy);

        double[] expected = Reference.Linear(
            layer.X.Data.ToDoubles(), layer.Weight.Data.ToDoubles(), null, inputs, outputs);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: inputs).At(Math.Sqrt(inputs)));
        layer.CheckGradients(layer.Dy.ToDoubles(), dtype);
        Assert.Null(layer.Bias.Grad);
    }

    [Theory, MemberData(nameof(Cases))]
    public void Bias_and_residual_agree_with_the_double_reference(
        string backend, DType dtype, int rows, int inputs, int outputs)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, dtype, rows, inputs, outputs);
        Tensor residual = run.Normal([rows, outputs], dtype, seed: 5);

        Tensor y = Linear.Apply(layer.X, layer.Weight, layer.Bias, residual);
        y.Backward(layer.Dy);

        double[] expected = [.. layer.PreActivation.Zip(residual.Data.ToDoubles(), (z, r) => z + r)];
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: inputs).At(Math.Sqrt(inputs)));
        layer.CheckGradients(layer.Dy.ToDoubles(), dtype);
        layer.CheckBiasGradient(layer.Dy.ToDoubles(), dtype);
        TensorAssert.SameBits(layer.Dy, residual.Grad!, "dresidual");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Gelu_layers_agree_with_the_double_reference(
        string backend, DType dtype, int rows, int inputs, int outputs)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, dtype, rows, inputs, outputs);

        Tensor y = Linear.Apply(layer.X, layer.Weight, layer.Bias, gelu: true);
        y.Backward(layer.Dy);

        double[] z = layer.PreActivation;
        TensorAssert.Close(
            [.. z.Select(v => v * Reference.NormalDistribution(v))], y,
            Tolerance.For(dtype, reduced: inputs).At(Math.Sqrt(inputs)));

        // In BF16 the saved z and dz are each rounded once more than the sums.
        double[] dz = [.. z.Zip(
            layer.Dy.ToDoubles(),
            (v, d) => (Reference.NormalDistribution(v) + (v * Reference.NormalDensity(v))) * d)];
        layer.CheckGradients(dz, dtype);
        layer.CheckBiasGradient(dz, dtype);
    }

    // As a part of a larger array: kernels that read it 16 bytes at a time must not be chosen. Two of the sizes above:
    // one with tails, and one that tensor cores multiply.
    public static TheoryData<string, DType, int, int, int> ShiftedCases => Backends.Cross((5, 7, 3), (130, 72, 264));

    [Theory, MemberData(nameof(ShiftedCases))]
    public void A_bias_may_start_anywhere(string backend, DType dtype, int rows, int inputs, int outputs)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, dtype, rows, inputs, outputs);
        Tensor bias = new(run.Shifted(layer.Bias.Data), requiresGrad: true);

        Tensor y = Linear.Apply(layer.X, layer.Weight, bias);
        y.Backward(layer.Dy);

        TensorAssert.Close(layer.PreActivation, y, Tolerance.For(dtype, reduced: inputs).At(Math.Sqrt(inputs)));
        layer.CheckGradients(layer.Dy.ToDoubles(), dtype);
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Without_recording_the_result_is_the_same_and_nothing_is_kept(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, dtype, 9, 5, 20);
        Tensor recorded = Linear.Apply(layer.X, layer.Weight, layer.Bias, gelu: true);

        using var noGrad = new NoGrad();
        Tensor y = Linear.Apply(layer.X, layer.Weight, layer.Bias, gelu: true);
        (_, NdArray? kept) = run.Backend.Linear(
            layer.X.Data, layer.Weight.Data, layer.Bias.Data, residual: null, gelu: true, keepsPreActivation: false);

        TensorAssert.SameBits(recorded.Data, y.Data);
        Assert.Null(kept);
        Assert.False(Tape.WillRecord(layer.X, layer.Weight, null));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Only_needed_gradients_are_computed(string backend)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, DType.F32, 4, 3, 2);

        Linear.Apply(layer.X.Detach(), layer.Weight.Detach(), layer.Bias).Backward(layer.Dy);

        Assert.True(Tape.WillRecord(null, layer.X.Detach(), layer.Bias));
        Assert.False(Tape.WillRecord(layer.X.Detach()));
        layer.CheckBiasGradient(layer.Dy.ToDoubles(), DType.F32);
        (NdArray? dx, NdArray? dWeight, NdArray? dBias) = run.Backend.LinearBackward(
            layer.Dy, layer.X.Data, layer.Weight.Data, null, needsDx: false, needsDWeight: false, needsDBias: false);
        Assert.Equal([null, null, null], [dx, dWeight, dBias]);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3, 5], DType.F64, seed: 1);
        Tensor weight = run.Normal([4, 5], DType.F64, seed: 2);
        Tensor bias = run.Normal([4], DType.F64, seed: 3);
        Tensor residual = run.Normal([2, 3, 4], DType.F64, seed: 4);
        GradCheck.Run(t => Linear.Apply(t[0], t[1], t[2], t[3]), x, weight, bias, residual);
        GradCheck.Run(t => Linear.Apply(t[0], t[1], t[2], gelu: true), x, weight, bias);
        GradCheck.Run(t => Linear.Apply(t[0], t[1], gelu: true), x, weight);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        var layer = new Layer(run, DType.F32, 4, 3, 2);
        Tensor residual = run.Normal([4, 2], DType.F32, seed: 1);

        Assert.Contains(
            "[out, 3]",
            Assert.Throws<ArgumentException>(
                () => Linear.Apply(layer.X, run.Normal([3, 2], DType.F32, seed: 1))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Linear.Apply(layer.X, layer.Weight, bias: residual));
        Assert.Throws<ArgumentException>(() => Linear.Apply(layer.X, layer.Weight, residual: layer.X));
        Assert.Throws<ArgumentException>(() => Linear.Apply(layer.X, layer.Weight, residual: residual, gelu: true));
        Assert.Throws<ArgumentException>(() => Linear.Apply(layer.X, run.Normal([2, 3], DType.F64, seed: 1)));
    }

    /// <summary>A layer's operands, and what its gradients should be.</summary>
    private sealed class Layer(TestRun run, DType dtype, int rows, int inputs, int outputs)
    {
        public Tensor X { get; } = run.Normal([rows, inputs], dtype, seed: 1);

        public Tensor Weight { get; } = run.Normal([outputs, inputs], dtype, seed: 2);

        public Tensor Bias { get; } = run.Normal([outputs], dtype, seed: 3);

        public NdArray Dy { get; } = run.Normal([rows, outputs], dtype, seed: 4).Data;

        public double[] PreActivation =>
            Reference.Linear(X.Data.ToDoubles(), Weight.Data.ToDoubles(), Bias.Data.ToDoubles(), inputs, outputs);

        public void CheckGradients(double[] dz, DType type)
        {
            (double[] dx, double[] dWeight, _) = Expected(dz);
            TensorAssert.Close(dx, X.Grad, Bound(type, outputs), "dx");
            TensorAssert.Close(dWeight, Weight.Grad, Bound(type, rows), "dweight");
        }

        public void CheckBiasGradient(double[] dz, DType type) =>
            TensorAssert.Close(Expected(dz).DBias, Bias.Grad, Bound(type, rows), "dbias");

        private (double[] Dx, double[] DWeight, double[] DBias) Expected(double[] dz) =>
            Reference.LinearBackward(dz, X.Data.ToDoubles(), Weight.Data.ToDoubles(), inputs, outputs);

        // Behind a GELU an error of z, which is a sum over the inputs, is one of dz.
        private Tolerance Bound(DType type, int reduced) =>
            Tolerance.For(type, Math.Max(reduced, inputs)).At(2 * Math.Sqrt(Math.Max(reduced, inputs)));
    }
}
