using System.Buffers;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>An array's bytes as memory of its element type.</summary>
internal sealed class CpuMemory<T>(NdArray array) : MemoryManager<T>
    where T : unmanaged
{
    public override Span<T> GetSpan() => array.Span<T>();

    public override MemoryHandle Pin(int elementIndex = 0) =>
        throw new NotSupportedException("Managed code reads arrays through spans; nothing here needs an address.");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
