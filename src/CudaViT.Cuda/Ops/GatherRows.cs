using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    /// <remarks>The device does not stop at an index that has no row: it gets a row of NaN.</remarks>
    public NdArray GatherRows(NdArray x, NdArray indices)
    {
        using ProfilerRange range = Range();
        long picks = indices.Count;
        NdArray y = Empty(x.Shape.With(0, (int)picks), x.DType);
        if (y.Count > 0)
        {
            long width = x.Shape.CountFrom(1);
            bool isPacked = IsPacked(width, x, y);
            Launch(
                isPacked ? "gather_rows_forward" : "gather_rows_forward_scalar", x.DType,
                ElementBlocks(y.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize,
                new() { y, x, IfOf(indices, DType.I64), IfOf(indices, DType.I32), x.Shape[0], picks, width });
        }

        return y;
    }

    /// <inheritdoc/>
    public NdArray GatherRowsBackward(NdArray dy, NdArray indices, int rows)
    {
        using ProfilerRange range = Range();
        long picks = indices.Count;
        NdArray dx = Empty(dy.Shape.With(0, rows), dy.DType);
        if (dx.Count > 0)
        {
            long width = dy.Shape.CountFrom(1);
            bool isPacked = IsPacked(width, dx, dy);
            NdArray first = Empty([rows], DType.I64);
            NdArray next = Empty([(int)picks], DType.I64);
            Launch(
                "gather_rows_backward_link", dy.DType, BlocksFor(rows, BlockSize), BlockSize,
                new() { first, next, IfOf(indices, DType.I64), IfOf(indices, DType.I32), rows, picks });
            Launch(
                isPacked ? "gather_rows_backward" : "gather_rows_backward_scalar", dy.DType,
                ElementBlocks(dx.Count, isPacked ? PackWidth(dy.DType) : 1), BlockSize,
                new() { dx, dy, first, next, rows, picks, width });
            first.Storage.Release();
            next.Storage.Release();
        }

        return dx;
    }

    /// <summary>The array if it has a type; null, for a kernel's null pointer, if it has another.</summary>
    private static NdArray? IfOf(NdArray array, DType dtype) => array.DType == dtype ? array : null;
}
