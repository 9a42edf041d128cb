using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Norm) L2Normalize(NdArray x, double epsilon)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray norm) = L2Normalize(Widen(x), epsilon);
            return (Narrow(y), norm);
        }

        return x.DType == DType.F64 ? L2Normalize<double>(x, epsilon) : L2Normalize<float>(x, epsilon);
    }

    /// <inheritdoc/>
    public NdArray L2NormalizeBackward(NdArray dy, NdArray y, NdArray norm, double epsilon) => dy.DType switch
    {
        DType.BF16 => Narrow(L2NormalizeBackward(Widen(dy), Widen(y), norm, epsilon)),
        DType.F64 => L2NormalizeBackward<double>(dy, y, norm, epsilon),
        _ => L2NormalizeBackward<float>(dy, y, norm, epsilon),
    };

    private (NdArray Y, NdArray Norm) L2Normalize<T>(NdArray x, double epsilon)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = x.Shape[1];
        NdArray y = Empty(x.Shape, x.DType);
        NdArray norm = Empty([x.Shape[0]], x.DType);
        T smallest = T.CreateChecked(epsilon);
        ForEachChunk(x.Shape[0], width, (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                ReadOnlySpan<T> row = x.ReadSpan<T>().Slice(i * width, width);
                T length = T.Sqrt(TensorPrimitives.SumOfSquares(row));
                TensorPrimitives.Multiply(
                    row, T.One / (length > smallest ? length : smallest), y.Span<T>().Slice(i * width, width));
                norm.Span<T>()[i] = length; // unclamped: backward tells its two branches apart by it
            }
        });
        return (y, norm);
    }

    private NdArray L2NormalizeBackward<T>(NdArray dy, NdArray y, NdArray norm, double epsilon)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = dy.Shape[1];
        NdArray dx = Empty(dy.Shape, dy.DType);
        T smallest = T.CreateChecked(epsilon);
        ForEachChunk(dy.Shape[0], width, (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                ReadOnlySpan<T> upstream = dy.ReadSpan<T>().Slice(i * width, width);
                ReadOnlySpan<T> unit = y.ReadSpan<T>().Slice(i * width, width);
                Span<T> result = dx.Span<T>().Slice(i * width, width);
                T length = norm.Span<T>()[i];
                T along = length > smallest ? TensorPrimitives.Dot(upstream, unit) : T.Zero;
                TensorPrimitives.MultiplyAdd(unit, -along, upstream, result);
                TensorPrimitives.Multiply(result, T.One / (length > smallest ? length : smallest), result);
            }
        });
        return dx;
    }
}
