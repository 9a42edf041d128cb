using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public (NdArray Loss, NdArray LogSum) CrossEntropy(NdArray logits, NdArray labels, double labelSmoothing)
    {
        using ProfilerRange range = Range();
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        (NdArray? labels32, NdArray? labels64) = ByWidth(labels);
        NdArray loss = Empty([], logits.DType.Accumulator());
        NdArray logSum = Empty([rows], logits.DType.Accumulator());
        NdArray losses = Empty([rows], logits.DType.Accumulator());
        Launch(
            "cross_entropy_forward", logits.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
            new()
            {
                losses, logSum, logits, labels32, labels64, labelSmoothing, rows, classes,
                IsPacked(classes, logits) ? 1 : 0,
            });
        Launch("cross_entropy_mean", logits.DType, 1, 512, new() { loss, losses, rows });
        losses.Storage.Release();
        return (loss, logSum);
    }

    /// <inheritdoc/>
    public NdArray CrossEntropyBackward(
        NdArray dy, NdArray logits, NdArray labels, NdArray logSum, double labelSmoothing)
    {
        using ProfilerRange range = Range();
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        (NdArray? labels32, NdArray? labels64) = ByWidth(labels);
        NdArray dx = Empty(logits.Shape, logits.DType);
        Launch(
            "cross_entropy_backward", logits.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
            new()
            {
                dx, dy, logits, labels32, labels64, logSum, labelSmoothing, rows, classes,
                IsPacked(classes, logits) ? 1 : 0,
            });
        return dx;
    }

    /// <summary>The labels as 32-bit or as 64-bit numbers; the other is null.</summary>
    private static (NdArray? Labels32, NdArray? Labels64) ByWidth(NdArray labels) =>
        labels.DType == DType.I32 ? (labels, null) : (null, labels);
}
