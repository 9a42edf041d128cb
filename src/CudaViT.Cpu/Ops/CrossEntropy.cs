using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Loss, NdArray LogSum) CrossEntropy(NdArray logits, NdArray labels, double labelSmoothing) =>
        logits.DType == DType.F64
            ? CrossEntropy<double>(logits, labels, labelSmoothing)
            : CrossEntropy<float>(Widen(logits), labels, labelSmoothing);

    /// <inheritdoc/>
    public NdArray CrossEntropyBackward(
        NdArray dy, NdArray logits, NdArray labels, NdArray logSum, double labelSmoothing) => logits.DType switch
        {
            DType.BF16 => Narrow(CrossEntropyBackward<float>(dy, Widen(logits), labels, logSum, labelSmoothing)),
            DType.F64 => CrossEntropyBackward<double>(dy, logits, labels, logSum, labelSmoothing),
            _ => CrossEntropyBackward<float>(dy, logits, labels, logSum, labelSmoothing),
        };

    private (NdArray Loss, NdArray LogSum) CrossEntropy<T>(NdArray logits, NdArray labels, double labelSmoothing)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        NdArray logSum = Empty([rows], logits.DType);
        NdArray losses = Empty([rows], logits.DType);
        T spread = T.CreateChecked(labelSmoothing);
        ForEachChunk(rows, (long)SoftmaxWork * classes, (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                ReadOnlySpan<T> row = logits.ReadSpan<T>().Slice(i * classes, classes);
                T largest = TensorPrimitives.Max(row);
                T rowSum = T.Log(SumOfExponentials(row, largest));
                logSum.Span<T>()[i] = rowSum;

                // Every term relative to the maximum: the targets sum to one, so it falls out of the difference.
                T expected = (T.One - spread) * (row[ReadLabel(labels, i)] - largest);
                if (labelSmoothing > 0)
                {
                    T mean = (TensorPrimitives.Sum(row) / T.CreateChecked(classes)) - largest;
                    expected += spread * mean;
                }

                losses.Span<T>()[i] = rowSum - expected;
            }
        });

        NdArray loss = Empty([], logits.DType);
        NdArray sum = Sum<T>(losses, new ReductionPass(1, rows, 1));
        loss.Span<T>()[0] = sum.ReadSpan<T>()[0] / T.CreateChecked(rows);
        losses.Storage.Release();
        sum.Storage.Release();
        return (loss, logSum);
    }

    private NdArray CrossEntropyBackward<T>(
        NdArray dy, NdArray logits, NdArray labels, NdArray logSum, double labelSmoothing)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        NdArray dx = Empty(logits.Shape, logits.DType);
        T scale = dy.ReadSpan<T>()[0] / T.CreateChecked(rows);
        T hit = T.One - T.CreateChecked(labelSmoothing);
        T floor = T.CreateChecked(labelSmoothing / classes);
        ForEachChunk(rows, (long)SoftmaxWork * classes, (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                ReadOnlySpan<T> source = logits.ReadSpan<T>().Slice(i * classes, classes);
                Span<T> row = dx.Span<T>().Slice(i * classes, classes);

                // One after the other: the sum of both could be as large as the logits and would cost their digits.
                TensorPrimitives.Subtract(source, TensorPrimitives.Max(source), row);
                TensorPrimitives.Subtract(row, logSum.ReadSpan<T>()[i], row);
                VectorMath.Exp<T>(row, row);
                TensorPrimitives.Subtract(row, floor, row);
                row[ReadLabel(labels, i)] -= hit;
                TensorPrimitives.Multiply(row, scale, row);
            }
        });
        return dx;
    }

    /// <summary>Σ exp(x − shift).</summary>
    private static T SumOfExponentials<T>(ReadOnlySpan<T> x, T shift)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        const int TileLength = 256;
        Span<T> tile = stackalloc T[TileLength];
        T sum = T.Zero;
        for (int start = 0; start < x.Length; start += TileLength)
        {
            ReadOnlySpan<T> part = x[start..Math.Min(x.Length, start + TileLength)];
            Span<T> exponentials = tile[..part.Length];
            TensorPrimitives.Subtract(part, shift, exponentials);
            VectorMath.Exp<T>(exponentials, exponentials);
            sum += TensorPrimitives.Sum<T>(exponentials);
        }

        return sum;
    }

    private static int ReadLabel(NdArray labels, int row) =>
        labels.DType == DType.I64 ? (int)labels.ReadSpan<long>()[row] : labels.ReadSpan<int>()[row];
}
