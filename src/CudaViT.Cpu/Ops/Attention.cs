using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray LogSumExp, NdArray? Probabilities) Attention(
        NdArray qkv, int heads, double scale, bool withProbabilities)
    {
        if (qkv.DType == DType.BF16)
        {
            (NdArray y, NdArray logSumExp, NdArray? probabilities) =
                Attention<float>(Widen(qkv), heads, scale, withProbabilities);
            return (Narrow(y), logSumExp, NarrowIfAny(probabilities));
        }

        return qkv.DType == DType.F64
            ? Attention<double>(qkv, heads, scale, withProbabilities)
            : Attention<float>(qkv, heads, scale, withProbabilities);
    }

    /// <inheritdoc/>
    public NdArray AttentionBackward(
        NdArray dy, NdArray qkv, NdArray y, NdArray logSumExp, int heads, double scale) => dy.DType switch
        {
            DType.BF16 => Narrow(AttentionBackward<float>(Widen(dy), Widen(qkv), Widen(y), logSumExp, heads, scale)),
            DType.F64 => AttentionBackward<double>(dy, qkv, y, logSumExp, heads, scale),
            _ => AttentionBackward<float>(dy, qkv, y, logSumExp, heads, scale),
        };

    private (NdArray Y, NdArray LogSumExp, NdArray? Probabilities) Attention<T>(
        NdArray qkv, int heads, double scale, bool withProbabilities)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sizes = AttentionSizes.Of(qkv, heads);
        NdArray y = Empty([sizes.Batch, sizes.Tokens, sizes.Width], qkv.DType);
        NdArray logSumExp = Empty([sizes.Batch, heads, sizes.Tokens], qkv.DType);
        NdArray? probabilities =
            withProbabilities ? Empty([sizes.Batch, heads, sizes.Tokens, sizes.Tokens], qkv.DType) : null;
        T factor = T.CreateChecked(scale);
        ForEachChunk(sizes.Items, sizes.WorkPerHead, (start, end) =>
        {
            for (int item = (int)start; item < end; item++)
            {
                AttentionHead<T> head = new(sizes, item, factor);
                Span<T> rows = probabilities is null
                    ? []
                    : probabilities.Span<T>().Slice(item * sizes.Tokens * sizes.Tokens, sizes.Tokens * sizes.Tokens);
                if (Vector512.IsHardwareAccelerated)
                {
                    head.Forward<MicroKernel512<T>>(qkv.ReadSpan<T>(), y.Span<T>(), logSumExp.Span<T>(), rows);
                }
                else
                {
                    head.Forward<MicroKernel256<T>>(qkv.ReadSpan<T>(), y.Span<T>(), logSumExp.Span<T>(), rows);
                }
            }
        });
        return (y, logSumExp, probabilities);
    }

    private NdArray AttentionBackward<T>(
        NdArray dy, NdArray qkv, NdArray y, NdArray logSumExp, int heads, double scale)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sizes = AttentionSizes.Of(qkv, heads);
        NdArray dqkv = Empty(qkv.Shape, qkv.DType);
        T factor = T.CreateChecked(scale);
        ForEachChunk(sizes.Items, sizes.WorkPerHead, (start, end) =>
        {
            for (int item = (int)start; item < end; item++)
            {
                AttentionHead<T> head = new(sizes, item, factor);
                if (Vector512.IsHardwareAccelerated)
                {
                    head.Backward<MicroKernel512<T>>(
                        dy.ReadSpan<T>(), qkv.ReadSpan<T>(), y.ReadSpan<T>(), logSumExp.ReadSpan<T>(), dqkv.Span<T>());
                }
                else
                {
                    head.Backward<MicroKernel256<T>>(
                        dy.ReadSpan<T>(), qkv.ReadSpan<T>(), y.ReadSpan<T>(), logSumExp.ReadSpan<T>(), dqkv.Span<T>());
                }
            }
        });
        return dqkv;
    }
}
