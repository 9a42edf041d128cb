using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Indices) Max(NdArray x, Shape shape)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray wide, NdArray at) = Max(Widen(x), shape);
            return (Narrow(wide), at);
        }

        NdArray y = x;
        NdArray? indices = null;
        List<ReductionPass> passes = x.Count == 0 ? [] : ReductionPass.Plan(x.Shape, shape);
        if (passes.Count == 0)
        {
            passes.Add(new ReductionPass((int)x.Count, 1, 1));
        }

        foreach (ReductionPass pass in passes)
        {
            (y, indices) = x.DType == DType.F64 ? Max<double>(y, indices, pass) : Max<float>(y, indices, pass);
        }

        return (y.Reshape(shape), indices!.Reshape(shape));
    }

    /// <inheritdoc/>
    public NdArray MaxBackward(NdArray dy, NdArray indices, Shape shape)
    {
        NdArray dx = NdArray.Zeros(this, shape, dy.DType);
        ReadOnlySpan<long> at = indices.ReadSpan<long>();
        switch (dy.DType)
        {
            case DType.F64: Scatter(dy.ReadSpan<double>(), at, dx.Span<double>()); break;
            case DType.F32: Scatter(dy.ReadSpan<float>(), at, dx.Span<float>()); break;
            default: Scatter(dy.ReadSpan<BFloat16>(), at, dx.Span<BFloat16>()); break;
        }

        return dx;
    }

    private static void Scatter<T>(ReadOnlySpan<T> source, ReadOnlySpan<long> indices, Span<T> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[(int)indices[i]] = source[i];
        }
    }

    /// <summary>One pass; the indices are those of earlier passes, null in the first.</summary>
    private (NdArray Y, NdArray Indices) Max<T>(NdArray x, NdArray? from, ReductionPass pass)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int outer, int reduced, int inner) = pass;
        NdArray y = Empty([outer, inner], x.DType);
        NdArray indices = Empty([outer, inner], DType.I64);
        ForEachChunk((long)outer * inner, reduced, (start, end) =>
        {
            ReadOnlySpan<T> values = x.ReadSpan<T>();
            for (int i = (int)start; i < end; i++)
            {
                int best = (i / inner * reduced * inner) + (i % inner);
                int at = best;
                for (int k = 1; k < reduced; k++)
                {
                    at += inner;
                    if (values[at] > values[best] || (T.IsNaN(values[at]) && !T.IsNaN(values[best])))
                    {
                        best = at;
                    }
                }

                y.Span<T>()[i] = values[best];
                indices.Span<long>()[i] = from is null ? best : from.ReadSpan<long>()[best];
            }
        });
        return (y, indices);
    }
}
