using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void Fill(NdArray x, double value)
    {
        using ProfilerRange range = Range();
        if (x.Count == 0)
        {
            return;
        }

        long bits = BitsOf(value, x.DType);
        if (bits == 0)
        {
            _driver.Set(GpuStorage.AddressOf(x), 0, x.SizeInBytes, GpuStream.Compute);
            GC.KeepAlive(x);
            return;
        }

        bool isAligned = IsAligned(x);
        Launch(
            isAligned ? "fill" : "fill_scalar", KernelBuilds.ForMoving(x.DType),
            ElementBlocks(x.Count, isAligned ? PackWidth(x.DType) : 1), BlockSize, new() { x, bits, x.Count });
    }

    /// <summary>A value rounded to a type, as its bytes stand in memory, in the low ones of the result.</summary>
    private static long BitsOf(double value, DType dtype) => dtype switch
    {
        DType.F64 => BitConverter.DoubleToInt64Bits(value),
        DType.F32 => BitConverter.SingleToUInt32Bits((float)value),
        DType.BF16 => ((BFloat16)value).Bits,
        DType.I64 => (long)value,
        DType.I32 => (uint)(int)value,
        _ => (byte)value,
    };
}
