using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int TransposeTile = 32;
    private const int TransposeLines = 8;

    // Below this most of a tile would stay empty.
    private const int ShortestTiledAxis = 8;

    /// <inheritdoc/>
    public NdArray Permute(NdArray x, ReadOnlySpan<int> order)
    {
        using ProfilerRange range = Range();
        Span<int> dimensions = stackalloc int[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            dimensions[i] = x.Shape[order[i]];
        }

        NdArray y = Empty(Shape.Create(dimensions), x.DType);
        if (y.Count == 0)
        {
            return y;
        }

        Axes axes = Axes.Permuted(x.Shape, order);
        int contiguous = 0; // the axis along which x is contiguous
        while (contiguous < axes.Rank && axes[contiguous].A != 1)
        {
            contiguous++;
        }

        if (axes.Rank <= 1)
        {
            Copy(x, y);
        }
        else if (contiguous == 0)
        {
            PermuteRows(y, x, axes);
        }
        else if (Math.Min(axes[0].Size, axes[contiguous].Size) < ShortestTiledAxis)
        {
            KernelArguments arguments = new() { y, x };
            arguments.AddStructure(axes);
            arguments.Add(y.Count);
            Launch("permute_any", KernelBuilds.ForMoving(x.DType), ElementBlocks(y.Count, 1), BlockSize, arguments);
        }
        else
        {
            PermuteTiles(y, x, axes, contiguous);
        }

        return y;
    }

    /// <summary>Both arrays are contiguous along the innermost axis, so whole rows move.</summary>
    private void PermuteRows(NdArray y, NdArray x, Axes axes)
    {
        long length = axes.Remove(0).Size;
        bool isPacked = IsPacked(length, x, y);
        KernelArguments arguments = new() { y, x };
        arguments.AddStructure(axes);
        arguments.Add(length);
        arguments.Add(y.Count);
        Launch(
            isPacked ? "permute_rows" : "permute_rows_scalar", KernelBuilds.ForMoving(x.DType),
            ElementBlocks(y.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize, arguments);
    }

    /// <summary>The innermost axes of x and y are transposed, tile by tile, for every index of the others.</summary>
    private void PermuteTiles(NdArray y, NdArray x, Axes axes, int contiguous)
    {
        (long sizeU, _, long strideU) = axes.Remove(contiguous);
        (long sizeV, long strideV, _) = axes.Remove(0);
        long tiles = y.Count / sizeU / sizeV
            * ((sizeU + TransposeTile - 1) / TransposeTile) * ((sizeV + TransposeTile - 1) / TransposeTile);
        KernelArguments arguments = new() { y, x };
        arguments.AddStructure(axes);
        arguments.Add(sizeU);
        arguments.Add(sizeV);
        arguments.Add(strideU);
        arguments.Add(strideV);
        arguments.Add(y.Count);
        Launch(
            "permute_tiles", KernelBuilds.ForMoving(x.DType), BlocksFor(tiles, 1),
            (TransposeTile, TransposeLines), arguments);
    }
}
