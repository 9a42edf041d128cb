using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray MatMul(NdArray a, NdArray b, bool transposeA, bool transposeB)
    {
        using ProfilerRange range = Range();
        int rows = a.Shape[transposeA ? ^1 : ^2];
        int inner = a.Shape[transposeA ? ^2 : ^1];
        int columns = b.Shape[transposeB ? ^2 : ^1];
        int rank = a.Shape.Rank;
        NdArray y = Empty(a.Shape.With(rank - 2, rows).With(rank - 1, columns), a.DType);
        Multiply(
            new GpuMatMul
            {
                DType = a.DType,
                M = rows,
                N = columns,
                K = inner,
                A = GpuStorage.AddressOf(a),
                B = GpuStorage.AddressOf(b),
                D = GpuStorage.AddressOf(y),
                TransposeA = transposeA,
                TransposeB = transposeB,
                Batch = Shape.Create(a.Shape.Dimensions[..^2]).Count,
                StrideA = (long)rows * inner,
                StrideB = (long)inner * columns,
                StrideD = (long)rows * columns,
            },
            a, b, y);
        return y;
    }

    /// <summary>Multiplies in the compute stream, unless the result is empty.</summary>
    /// <param name="product">The product.</param>
    /// <param name="arrays">Those whose addresses it has; they live until it has been submitted.</param>
    private void Multiply(in GpuMatMul product, params ReadOnlySpan<NdArray?> arrays)
    {
        if (product.Batch > 0 && product.M > 0 && product.N > 0)
        {
            _driver.MatMul(product, GpuStream.Compute);
        }

        foreach (NdArray? array in arrays)
        {
            GC.KeepAlive(array);
        }
    }
}
