using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>Copies at once: there is no bus to cross, and no computation is under way between two calls.</summary>
internal sealed class CpuUploadSlot(IBackend backend, Shape shape, DType dtype)
    : UploadSlot(AllocateArray(backend, shape, dtype))
{
    public override NdArray Acquire() => Array;

    public override void Release()
    {
    }

    public override void WaitUntilRead()
    {
    }

    protected override void Copy(HostBuffer source, int sizeInBytes) =>
        source.Bytes[..sizeInBytes].CopyTo(Array.Bytes());
}
