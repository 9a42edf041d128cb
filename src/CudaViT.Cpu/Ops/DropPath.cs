using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray DropPath(NdArray x, double p, RandomStream random) => x.DType switch
    {
        DType.BF16 => Narrow(DropPath<float>(Widen(x), p, random)),
        DType.F64 => DropPath<double>(x, p, random),
        _ => DropPath<float>(x, p, random),
    };

    private NdArray DropPath<T>(NdArray x, double p, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty(x.Shape, x.DType);
        int size = (int)x.Shape.CountFrom(1);
        T scale = T.CreateTruncating(1 / (1 - p));
        ForEachChunk(x.Shape[0], size, (start, end) =>
        {
            for (int n = (int)start; n < end; n++)
            {
                Span<T> sample = y.Span<T>().Slice(n * size, size);
                if (random.Single(n) >= p)
                {
                    TensorPrimitives.Multiply(x.ReadSpan<T>().Slice(n * size, size), scale, sample);
                }
                else
                {
                    sample.Clear();
                }
            }
        });
        return y;
    }
}
