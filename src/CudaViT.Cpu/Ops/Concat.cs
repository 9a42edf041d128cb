using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Concat(ReadOnlySpan<NdArray> inputs, int axis)
    {
        int total = 0;
        foreach (NdArray input in inputs)
        {
            total += input.Shape[axis];
        }

        NdArray y = Empty(inputs[0].Shape.With(axis, total), inputs[0].DType);
        int start = 0;
        foreach (NdArray input in inputs)
        {
            CopyAxis(input, 0, y, start, axis, input.Shape[axis]);
            start += input.Shape[axis];
        }

        return y;
    }

    /// <summary>Copies a range of an axis; all other dimensions are equal.</summary>
    private void CopyAxis(NdArray source, int sourceStart, NdArray target, int targetStart, int axis, int length)
    {
        if (target.Count == 0 || length == 0)
        {
            return;
        }

        long unit = target.Shape.CountFrom(axis + 1) * target.DType.SizeInBytes(); // bytes of one index of the axis
        long blocks = target.SizeInBytes / unit / target.Shape[axis];
        ForEachChunk(blocks, length * unit / sizeof(float), (start, end) =>
        {
            for (long i = start; i < end; i++)
            {
                long from = ((i * source.Shape[axis]) + sourceStart) * unit;
                long to = ((i * target.Shape[axis]) + targetStart) * unit;
                source.Bytes().Slice((int)from, (int)(length * unit)).CopyTo(target.Bytes()[(int)to..]);
            }
        });
    }
}
