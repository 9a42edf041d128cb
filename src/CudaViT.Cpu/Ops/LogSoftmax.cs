using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray LogSoftmax(NdArray x) => x.DType switch
    {
        DType.BF16 => Narrow(LogSoftmax<float>(Widen(x))),
        DType.F64 => LogSoftmax<double>(x),
        _ => LogSoftmax<float>(x),
    };

    /// <inheritdoc/>
    public NdArray LogSoftmaxBackward(NdArray dy, NdArray y) => dy.DType switch
    {
        DType.BF16 => Narrow(LogSoftmaxBackward<float>(Widen(dy), Widen(y))),
        DType.F64 => LogSoftmaxBackward<double>(dy, y),
        _ => LogSoftmaxBackward<float>(dy, y),
    };

    private NdArray LogSoftmax<T>(NdArray x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty(x.Shape, x.DType);
        ForEachRow(y, SoftmaxWork, at =>
        {
            ReadOnlySpan<T> row = x.ReadSpan<T>()[at];
            Span<T> result = y.Span<T>()[at];
            T largest = TensorPrimitives.Max(row);
            TensorPrimitives.Subtract(row, largest, result);
            VectorMath.Exp<T>(result, result);
            T logSum = T.Log(TensorPrimitives.Sum<T>(result));

            // One after the other: the sum of both could be as large as the logits and would cost their digits.
            TensorPrimitives.Subtract(row, largest, result);
            TensorPrimitives.Subtract(result, logSum, result);
        });
        return y;
    }

    private NdArray LogSoftmaxBackward<T>(NdArray dy, NdArray y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty(dy.Shape, dy.DType);
        ForEachRow(dx, SoftmaxWork, at =>
        {
            ReadOnlySpan<T> upstream = dy.ReadSpan<T>()[at];
            Span<T> result = dx.Span<T>()[at];
            VectorMath.Exp(y.ReadSpan<T>()[at], result);
            TensorPrimitives.MultiplyAdd(result, -TensorPrimitives.Sum(upstream), upstream, result);
        });
        return dx;
    }
}
