using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Indices) Max(NdArray x, Shape shape)
    {
        using ProfilerRange range = Range();
        if (x.Count == 0)
        {
            return (Empty(shape, x.DType), Empty(shape, DType.I64));
        }

        int axis = 1;
        ReductionPass? pass = ReductionPass.Next(x.Shape, shape, null, ref axis)
            ?? new ReductionPass(1, 1, x.Count); // nothing to reduce: every element is its own maximum
        NdArray y = x;
        NdArray? indices = null;
        while (pass is { } current)
        {
            Dim3 block = current.ColumnBlock(1);
            long length = ReductionPass.ColumnPiece(block);
            long pieces = current.Pieces(length);
            pass = pieces > 1
                ? current with { Reduced = pieces }
                : ReductionPass.Next(x.Shape, shape, current, ref axis);
            NdArray values = pass is null ? Empty(shape, x.DType)
                : Scratch(current.Outer * pieces * current.Inner, x.DType);
            NdArray places = pass is null
                ? Empty(shape, DType.I64)
                : Scratch(current.Outer * pieces * current.Inner, DType.I64);
            Launch(
                "max_forward", x.DType, BlocksFor(current.ColumnStrips(block, 1) * pieces, 1), block,
                new() { values, places, y, indices, current.Outer, current.Reduced, current.Inner, length });
            if (y != x)
            {
                y.Storage.Release();
                indices!.Storage.Release();
            }

            (y, indices) = (values, places);
        }

        return (y, indices!);
    }

    /// <inheritdoc/>
    public NdArray MaxBackward(NdArray dy, NdArray indices, Shape shape)
    {
        using ProfilerRange range = Range();
        NdArray dx = NdArray.Zeros(this, shape, dy.DType);
        if (dy.Count > 0)
        {
            Launch(
                "max_backward", dy.DType, ElementBlocks(dy.Count, 1), BlockSize, new() { dx, dy, indices, dy.Count });
        }

        return dx;
    }
}
