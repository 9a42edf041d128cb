using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Slice(NdArray x, int axis, int start, int end)
    {
        NdArray y = Empty(x.Shape.With(axis, end - start), x.DType);
        CopyAxis(x, start, y, 0, axis, end - start);
        return y;
    }

    /// <inheritdoc/>
    public NdArray SliceBackward(NdArray dy, int axis, int start, Shape shape)
    {
        NdArray dx = NdArray.Zeros(this, shape, dy.DType);
        CopyAxis(dy, 0, dx, start, axis, dy.Shape[axis]);
        return dx;
    }
}
