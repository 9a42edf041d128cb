using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray BroadcastTo(NdArray x, Shape shape, double factor = 1)
    {
        NdArray scaled = factor == 1 ? x : Scale(x, factor);
        NdArray y = x.DType switch
        {
            DType.F64 => BroadcastTo<double>(scaled, shape),
            DType.F32 => BroadcastTo<float>(scaled, shape),
            _ => BroadcastTo<BFloat16>(scaled, shape),
        };
        if (scaled != x)
        {
            scaled.Storage.Release();
        }

        return y;
    }

    private NdArray BroadcastTo<T>(NdArray x, Shape shape)
        where T : unmanaged
    {
        NdArray y = Empty(shape, x.DType);
        var plan = new BroadcastPlan(x.Shape, shape, shape);
        ForEachRowPart(y, plan, (atY, atX, _, length) =>
        {
            Span<T> row = y.Span<T>().Slice((int)atY, length);
            if (plan.AMoves)
            {
                x.ReadSpan<T>().Slice((int)atX, length).CopyTo(row);
            }
            else
            {
                row.Fill(x.ReadSpan<T>()[(int)atX]);
            }
        });
        return y;
    }
}
