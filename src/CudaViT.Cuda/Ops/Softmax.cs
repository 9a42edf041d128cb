using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Softmax(NdArray x)
    {
        using ProfilerRange range = Range();
        return MapRows("softmax_forward", x);
    }

    /// <inheritdoc/>
    public NdArray SoftmaxBackward(NdArray dy, NdArray y)
    {
        using ProfilerRange range = Range();
        return MapRows("softmax_backward", dy, y);
    }

    /// <summary>A kernel that gives every row of the last axis a warp, of one operand or two.</summary>
    private NdArray MapRows(string entry, NdArray x, NdArray? other = null)
    {
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count == 0)
        {
            return y;
        }

        int width = x.Shape[^1];
        long rows = x.Count / width;
        int packed = IsPacked(width, x, other) ? 1 : 0;
        KernelArguments arguments = other is null
            ? new() { y, x, rows, width, packed }
            : new() { y, x, other, rows, width, packed };
        Launch(entry, x.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock), arguments);
        return y;
    }
}
