using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>A block of host memory, aligned to cache lines.</summary>
internal sealed class CpuStorage : Storage
{
    private readonly CpuMemoryPool _pool;
    private readonly CpuBlock _block;

    public CpuStorage(CpuMemoryPool pool, CpuBlock block, int sizeInBytes)
        : base(sizeInBytes) =>
        (_pool, _block) = (pool, block);

    /// <summary>The block's memory. Throws when it has been given back.</summary>
    public Span<byte> Bytes
    {
        get
        {
            ThrowIfReleased();
            return _block.Bytes[..(int)SizeInBytes];
        }
    }

    protected override void ReturnBlock(bool collected) => _pool.Return(_block, Role, collected);

    protected override void OnRoleChanging(MemoryRole role) => _pool.ChangeRole(_block, Role, role);
}

/// <summary>Memory of one size class; outlives the storages that use it in turn.</summary>
internal sealed class CpuBlock
{
    /// <summary>One cache line, and the width of the widest vector.</summary>
    public const int Alignment = 64;

    private readonly byte[] _memory;
    private readonly int _start;

    public CpuBlock(int size)
    {
        Size = size;
        _memory = GC.AllocateUninitializedArray<byte>(size + Alignment, pinned: true);
        _start = (int)(-Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0) & (Alignment - 1));
    }

    public int Size { get; }

    public Span<byte> Bytes => _memory.AsSpan(_start, Size);
}
