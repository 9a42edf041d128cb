using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray BroadcastTo(NdArray x, Shape shape, double factor = 1)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(shape, x.DType);
        if (y.Count > 0)
        {
            var rows = new BroadcastRows(x.Shape, x.Shape, shape);
            bool isPacked = IsPacked(rows.PackedLength, y, rows.AMoves ? x : null);
            KernelArguments arguments = new() { y, x, factor };
            arguments.AddStructure(rows.Outer);
            arguments.Add(rows.AMoves);
            arguments.Add(rows.Length);
            arguments.Add(y.Count);
            arguments.Add(x.Count);
            Launch(
                isPacked ? "broadcast_to" : "broadcast_to_scalar", x.DType,
                rows.Blocks(y.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize, arguments);
        }

        return y;
    }
}
