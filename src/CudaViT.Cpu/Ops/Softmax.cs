using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int SoftmaxWork = 24; // of one element, in multiplications: mostly the exponential

    /// <inheritdoc/>
    public NdArray Softmax(NdArray x) => x.DType switch
    {
        DType.BF16 => Narrow(Softmax<float>(Widen(x))),
        DType.F64 => Softmax<double>(x),
        _ => Softmax<float>(x),
    };

    /// <inheritdoc/>
    public NdArray SoftmaxBackward(NdArray dy, NdArray y) => dy.DType switch
    {
        DType.BF16 => Narrow(SoftmaxBackward<float>(Widen(dy), Widen(y))),
        DType.F64 => SoftmaxBackward<double>(dy, y),
        _ => SoftmaxBackward<float>(dy, y),
    };

    private NdArray Softmax<T>(NdArray x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty(x.Shape, x.DType);
        ForEachRow(y, SoftmaxWork, at =>
        {
            ReadOnlySpan<T> row = x.ReadSpan<T>()[at];
            Span<T> result = y.Span<T>()[at];
            TensorPrimitives.Subtract(row, TensorPrimitives.Max(row), result);
            VectorMath.Exp<T>(result, result);
            TensorPrimitives.Divide(result, TensorPrimitives.Sum<T>(result), result);
        });
        return y;
    }

    private NdArray SoftmaxBackward<T>(NdArray dy, NdArray y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty(dy.Shape, dy.DType);
        ForEachRow(dx, 2, at =>
        {
            ReadOnlySpan<T> upstream = dy.ReadSpan<T>()[at];
            ReadOnlySpan<T> probabilities = y.ReadSpan<T>()[at];
            Span<T> result = dx.Span<T>()[at];
            TensorPrimitives.Subtract(upstream, TensorPrimitives.Dot(upstream, probabilities), result);
            TensorPrimitives.Multiply(result, probabilities, result);
        });
        return dx;
    }

    /// <summary>Calls <paramref name="body"/> with the place of every row of the last axis that is not empty.</summary>
    private void ForEachRow(NdArray array, int workPerElement, Action<Range> body)
    {
        int width = array.Shape[^1];
        ForEachChunk(array.Count / Math.Max(1, width), (long)width * workPerElement, (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                body(new Range(i * width, (i + 1) * width));
            }
        });
    }
}
