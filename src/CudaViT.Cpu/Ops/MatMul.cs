using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray MatMul(NdArray a, NdArray b, bool transposeA, bool transposeB) => a.DType switch
    {
        DType.BF16 => Narrow(MatMul<float>(Widen(a), Widen(b), transposeA, transposeB)),
        DType.F64 => MatMul<double>(a, b, transposeA, transposeB),
        _ => MatMul<float>(a, b, transposeA, transposeB),
    };

    private NdArray MatMul<T>(NdArray a, NdArray b, bool transposeA, bool transposeB)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int rows = a.Shape[transposeA ? ^1 : ^2];
        int inner = a.Shape[transposeA ? ^2 : ^1];
        int columns = b.Shape[transposeB ? ^2 : ^1];
        int rank = a.Shape.Rank;
        NdArray y = Empty(a.Shape.With(rank - 2, rows).With(rank - 1, columns), a.DType);
        int batch = (int)Shape.Create(a.Shape.Dimensions[..^2]).Count;
        Gemm.Multiply(
            _team, new GemmShape(rows, columns, inner, batch), Matrices<T>(a, transposeA), Matrices<T>(b, transposeB),
            new MatrixTarget<T>(y.Memory<T>(), columns, (long)rows * columns), T.One);
        return y;
    }

    /// <summary>The matrices of the last two axes, one after the other, as an operand.</summary>
    private static MatrixView<T> Matrices<T>(NdArray x, bool transpose)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = x.Shape[^1];
        var view = new MatrixView<T>(x.Memory<T>(), width, 1, (long)x.Shape[^2] * width);
        return transpose ? view.Transposed : view;
    }
}
