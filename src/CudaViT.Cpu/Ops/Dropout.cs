using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int PhiloxWork = 32; // of one number, in multiplications

    /// <inheritdoc/>
    public NdArray Dropout(NdArray x, double p, RandomStream random) => x.DType switch
    {
        DType.BF16 => Narrow(Dropout<float>(Widen(x), p, random)),
        DType.F64 => Dropout<double>(x, p, random),
        _ => Dropout<float>(x, p, random),
    };

    private NdArray Dropout<T>(NdArray x, double p, RandomStream random)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int Block = 256;
        NdArray y = Empty(x.Shape, x.DType);
        T scale = T.CreateTruncating(1 / (1 - p));
        ForEachChunk(x.Count, PhiloxWork, (start, end) =>
        {
            Span<float> uniform = stackalloc float[Block];
            for (int at = (int)start; at < end; at += Block)
            {
                int length = Math.Min(Block, (int)end - at);
                ReadOnlySpan<T> source = x.ReadSpan<T>().Slice(at, length);
                Span<T> target = y.Span<T>().Slice(at, length);
                random.FillUniform(uniform[..length], at);
                for (int i = 0; i < length; i++)
                {
                    target[i] = uniform[i] >= p ? source[i] * scale : T.Zero;
                }
            }
        });
        return y;
    }
}
