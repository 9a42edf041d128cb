using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Slice(NdArray x, int axis, int start, int end)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(x.Shape.With(axis, end - start), x.DType);
        if (y.Count > 0)
        {
            long unit = x.Shape.CountFrom(axis + 1);
            (long length, long whole) = ((end - start) * unit, x.Shape[axis] * unit);
            bool isPacked = IsAligned(x, y) && ArePacks(x.DType, start * unit, length, whole);
            KernelArguments arguments = new() { y };
            arguments.AddFrom(x, start * unit);
            arguments.Add(y.Count / length);
            arguments.Add(length);
            arguments.Add(whole);
            Launch(
                isPacked ? "slice_forward" : "slice_forward_scalar", KernelBuilds.ForMoving(x.DType),
                ElementBlocks(y.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize, arguments);
        }

        return y;
    }

    /// <inheritdoc/>
    public NdArray SliceBackward(NdArray dy, int axis, int start, Shape shape)
    {
        using ProfilerRange range = Range();
        NdArray dx = Empty(shape, dy.DType);
        if (dx.Count > 0)
        {
            long unit = shape.CountFrom(axis + 1);
            (long length, long whole) = (dy.Shape[axis] * unit, shape[axis] * unit);
            bool isPacked = IsAligned(dx, dy) && ArePacks(dy.DType, start * unit, length, whole);
            Launch(
                isPacked ? "slice_backward" : "slice_backward_scalar", KernelBuilds.ForMoving(dy.DType),
                ElementBlocks(dx.Count, isPacked ? PackWidth(dy.DType) : 1), BlockSize,
                new() { dx, dy, dx.Count / whole, length, whole, start * unit });
        }

        return dx;
    }
}
