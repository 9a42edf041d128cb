using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Concat(ReadOnlySpan<NdArray> inputs, int axis)
    {
        using ProfilerRange range = Range();
        int total = 0;
        foreach (NdArray input in inputs)
        {
            total += input.Shape[axis];
        }

        NdArray y = Empty(inputs[0].Shape.With(axis, total), inputs[0].DType);
        if (y.Count == 0)
        {
            return y;
        }

        long unit = y.Shape.CountFrom(axis + 1);
        long blocks = y.Count / unit / total;
        int start = 0;
        foreach (NdArray x in inputs)
        {
            long length = x.Shape[axis] * unit;
            if (length > 0)
            {
                bool isPacked = IsAligned(y) && IsPacked(length, x) && ArePacks(y.DType, start * unit, total * unit);
                KernelArguments arguments = default;
                arguments.AddFrom(y, start * unit);
                arguments.Add(x);
                arguments.Add(blocks);
                arguments.Add(length);
                arguments.Add(total * unit);
                Launch(
                    isPacked ? "concat" : "concat_scalar", KernelBuilds.ForMoving(y.DType),
                    ElementBlocks(x.Count, isPacked ? PackWidth(y.DType) : 1), BlockSize, arguments);
            }

            start += x.Shape[axis];
        }

        return y;
    }
}
