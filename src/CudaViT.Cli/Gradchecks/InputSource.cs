using CudaViT.Core;

namespace CudaViT.Cli.Gradchecks;

/// <summary>Inputs of gradient checks, the same in every run.</summary>
/// <param name="backend">Device to put them on.</param>
internal sealed class InputSource(IBackend backend)
{
    private const ulong Seed = 20260;

    private int _drawn;

    public IBackend Backend => backend;

    /// <summary>Standard normal values.</summary>
    public Tensor Normal(params Shape shape) => Leaf(shape, (stream, i) => stream.Normal(i));

    /// <summary>Values between 0.5 and 2.5: divisors, arguments of roots and logarithms.</summary>
    public Tensor Positive(params Shape shape) => Leaf(shape, (stream, i) => 0.5 + (2 * stream.Double(i)));

    /// <summary>
    /// Values with distances of at least 0.05 from each other and from 0: maxima and kinks stay where they are under
    /// the small steps of a check.
    /// </summary>
    public Tensor Distinct(params Shape shape)
    {
        int[] order = Stream().Sequence().Permutation((int)shape.Count);
        return Leaf(shape, (_, i) => 0.05 + (0.1 * (order[i] - (order.Length / 2))));
    }

    private Tensor Leaf(Shape shape, Func<RandomStream, int, double> value)
    {
        RandomStream stream = Stream();
        double[] values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = value(stream, i);
        }

        return new Tensor(NdArray.FromDoubles(backend, values, shape, DType.F64), requiresGrad: true);
    }

    private RandomStream Stream() => new(Seed, epoch: 0, sample: _drawn++, view: 0, RandomOperation.Synthetic);
}
