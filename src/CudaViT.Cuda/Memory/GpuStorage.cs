using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>A block of device memory.</summary>
internal sealed class GpuStorage : Storage
{
    private readonly GpuMemoryPool _pool;
    private readonly GpuBlock _block;

    public GpuStorage(GpuMemoryPool pool, GpuBlock block, long sizeInBytes)
        : base(sizeInBytes) =>
        (_pool, _block) = (pool, block);

    /// <summary>Address of the array's first element. Throws when the block has been given back.</summary>
    public static nint AddressOf(NdArray array)
    {
        var storage = (GpuStorage)array.Storage;
        storage.ThrowIfReleased();
        return storage._block.Address + (nint)(array.Offset * array.DType.SizeInBytes());
    }

    protected override void ReturnBlock(bool collected) => _pool.Return(_block, Role, collected);

    protected override void OnRoleChanging(MemoryRole role) => _pool.ChangeRole(_block, Role, role);
}

/// <summary>Device memory of one size class; outlives the storages that use it in turn.</summary>
/// <param name="Address">Device address.</param>
/// <param name="Size">Bytes.</param>
internal sealed record GpuBlock(nint Address, long Size);
