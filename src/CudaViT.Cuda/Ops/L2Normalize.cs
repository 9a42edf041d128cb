using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Norm) L2Normalize(NdArray x, double epsilon)
    {
        using ProfilerRange range = Range();
        (int rows, int width) = (x.Shape[0], x.Shape[1]);
        NdArray y = Empty(x.Shape, x.DType);
        NdArray norm = Empty([rows], x.DType.Accumulator());
        if (rows > 0)
        {
            Launch(
                "l2_normalize_forward", x.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
                new() { y, norm, x, epsilon, rows, width, IsPacked(width, x) ? 1 : 0 });
        }

        return (y, norm);
    }

    /// <inheritdoc/>
    public NdArray L2NormalizeBackward(NdArray dy, NdArray y, NdArray norm, double epsilon)
    {
        using ProfilerRange range = Range();
        (int rows, int width) = (dy.Shape[0], dy.Shape[1]);
        NdArray dx = Empty(dy.Shape, dy.DType);
        if (rows > 0)
        {
            Launch(
                "l2_normalize_backward", dy.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
                new() { dx, dy, y, norm, epsilon, rows, width, IsPacked(width, dy, y) ? 1 : 0 });
        }

        return dx;
    }
}
