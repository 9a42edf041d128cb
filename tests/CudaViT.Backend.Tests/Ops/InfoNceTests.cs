using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class InfoNceTests
{
    // Queries, keys, width, offset. One query and one key, whose loss is 0; more keys than queries, the positives in
    // the middle; both sizes just past a tile, so that every sum goes on in a second one; the positives in the second
    // tile; whole tiles of a kernel; just past them, with a width that is a tile and a rest; the same for tensor cores,
    // and as wide as they can; more columns of the gradient than a block forms.
    public static TheoryData<string, DType, int, int, int, int> Cases => Backends.Cross(
        (1, 1, 4, 0),
        (5, 5, 33, 0),
        (4, 12, 8, 4),
        (513, 1025, 3, 0),
        (3, 1030, 2, 1026),
        (64, 128, 16, 64),
        (65, 130, 40, 3),
        (70, 200, 48, 5),
        (65, 130, 256, 0),
        (5, 70, 300, 0));

    [Theory, MemberData(nameof(Cases))]
    public void Loss_and_gradient_agree_with_the_double_reference(
        string backend, DType dtype, int queries, int keys, int width, int offset)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Normal([queries, width], dtype, seed: 1, scale: 3);
        NdArray k = run.Normal([keys, width], dtype, seed: 2, scale: 0.1).Data;

        Tensor loss = InfoNce.Apply(q, k, temperature: 0.2, offset);
        loss.Backward(run.Array([0.5], [], loss.DType));

        (double expected, double[] dq) = Reference.InfoNce(
            q.Data.ToDoubles(), k.ToDoubles(), queries, keys, width, 0.2, offset);
        Assert.Equal(dtype.Accumulator(), loss.DType);

        // Similarities are of size 1/τ = 5, and each carries the rounding of the lengths.
        TensorAssert.Close([expected], loss, Tolerance.For(loss.DType, reduced: (long)queries + keys).At(5));
        double shortest = q.Data.ToDoubles().Chunk(width).Min(row => Math.Sqrt(row.Sum(v => v * v)));
        TensorAssert.Close(
            [.. dq.Select(g => g / 2)], q.Grad,
            Tolerance.For(dtype, reduced: keys).Times(5).At(2 / (shortest * queries)),
            "dq");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = new(run.Shifted(run.Normal([6, 32], dtype, seed: 1).Data), requiresGrad: true);
        NdArray k = run.Shifted(run.Normal([9, 32], dtype, seed: 2).Data);

        Tensor loss = InfoNce.Apply(q, k, temperature: 0.2);
        loss.Backward();

        (double expected, double[] dq) = Reference.InfoNce(q.Data.ToDoubles(), k.ToDoubles(), 6, 9, 32, 0.2, 0);
        double shortest = q.Data.ToDoubles().Chunk(32).Min(row => Math.Sqrt(row.Sum(v => v * v)));
        TensorAssert.Close([expected], loss, Tolerance.For(loss.DType, reduced: 15).At(5));
        TensorAssert.Close(dq, q.Grad, Tolerance.For(dtype, reduced: 9).Times(5).At(2 / (shortest * 6)), "dq");
    }

    // A length below the smallest one is a constant: nothing is taken out of the gradient, which is large but finite.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_query_of_zeros_has_a_finite_gradient(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Leaf(new double[2 * 4], [2, 4], DType.F64);
        NdArray k = run.Normal([3, 4], DType.F64, seed: 2).Data;

        InfoNce.Apply(q, k, temperature: 0.2).Backward();

        (_, double[] dq) = Reference.InfoNce(q.Data.ToDoubles(), k.ToDoubles(), 2, 3, 4, 0.2, 0);
        TensorAssert.Close(dq, q.Grad, Tolerance.For(DType.F64, reduced: 3).Times(5));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Normal([5, 7], DType.F64, seed: 1);
        NdArray k = run.Normal([9, 7], DType.F64, seed: 2).Data;
        GradCheck.Run(t => InfoNce.Apply(t, k, temperature: 0.2), q);
        GradCheck.Run(t => InfoNce.Apply(t, k, temperature: 1, positiveOffset: 4), q);
    }

    // Equal similarities to all B keys cost 2τ·ln B; queries that equal their keys cost less.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Uniform_similarities_cost_two_tau_log_of_the_keys(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray same = NdArray.Full(run.Backend, [1500, 8], dtype, 2);
        NdArray apart = run.Normal([1500, 8], dtype, seed: 1).Data;

        Tensor uniform = InfoNce.Apply(new Tensor(same), same, temperature: 0.2);
        Tensor found = InfoNce.Apply(new Tensor(apart), apart, temperature: 0.2);

        TensorAssert.Close([0.4 * Math.Log(1500)], uniform, Tolerance.For(uniform.DType, reduced: 1500).At(5));
        Assert.True(found.Data.Item() < 0.9 * uniform.Data.Item(), $"{found.Data.Item()}");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Lengths_of_queries_and_keys_do_not_matter(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        double[] q = Values.Normal(6 * 5, seed: 1);
        double[] k = Values.Normal(6 * 5, seed: 2);

        double Loss(double a, double b) => InfoNce.Apply(
            run.Leaf([.. q.Select(v => a * v)], [6, 5], dtype), run.Array([.. k.Select(v => b * v)], [6, 5], dtype),
            0.2)
            .Data.Item();

        // Powers of two scale exactly, so that only the lengths' own rounding could differ.
        double unscaled = Loss(1, 1);
        TensorAssert.Close(
            [unscaled, unscaled], run.Array([Loss(64, 1), Loss(1, 0.125)], [2], DType.F64), Tolerance.For(dtype));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Memory_does_not_grow_with_the_number_of_pairs(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Normal([2000, 2], DType.F32, seed: 1);
        NdArray k = run.Normal([3000, 2], DType.F32, seed: 2).Data;
        long before = Tape.SavedBytes;

        InfoNce.Apply(q, k, temperature: 0.2);

        // The rows of both, and one number for each query.
        Assert.Equal(sizeof(float) * ((2 * 5000) + 2000), Tape.SavedBytes - before);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Double_accumulation_agrees_with_double_operands(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Normal([40, 16], DType.F32, seed: 1);
        NdArray k = run.Normal([40, 16], DType.F32, seed: 2).Data;
        Tensor wide = new(q.Data.Cast(DType.F64), requiresGrad: true);

        Tensor loss = InfoNce.Apply(q, k, 0.07, doubleAccumulation: true);
        loss.Backward();
        Tensor expected = InfoNce.Apply(wide, k.Cast(DType.F64), 0.07);
        expected.Backward();

        TensorAssert.SameBits(expected.Data.Cast(DType.F32), loss.Data, "loss");
        TensorAssert.SameBits(wide.Grad!.Cast(DType.F32), q.Grad!, "dq");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor q = run.Normal([4, 3], DType.F32, seed: 1);
        NdArray k = run.Normal([6, 3], DType.F32, seed: 2).Data;

        Throws("Detach", () => InfoNce.Apply(q, new Tensor(k, requiresGrad: true), 0.2));
        Throws("keys 3 to 6", () => InfoNce.Apply(q, k, 0.2, positiveOffset: 3));
        Throws("[6, 2]", () => InfoNce.Apply(q, run.Normal([6, 2], DType.F32, seed: 3).Data, 0.2));
        Throws("F64", () => InfoNce.Apply(q, k.Cast(DType.F64), 0.2));
        Throws("[2, 2, 3]", () => InfoNce.Apply(q.Reshape(2, 2, 3), k, 0.2));
        Throws("at least one query", () => InfoNce.Apply(new Tensor(q.Data.Rows(0, 0)), k, 0.2));
        Assert.Throws<ArgumentOutOfRangeException>(() => InfoNce.Apply(q, k, temperature: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => InfoNce.Apply(q, k, 0.2, positiveOffset: -1));
    }

    private static void Throws(string part, Action call) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
}
