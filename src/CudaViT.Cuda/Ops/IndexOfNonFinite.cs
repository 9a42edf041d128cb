using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Enough to fill any device; each block leaves one partial result.
    private const int FiniteCheckBlocks = 2048;

    /// <inheritdoc/>
    public long IndexOfNonFinite(NdArray x)
    {
        if (x.Count == 0 || !x.DType.IsFloatingPoint())
        {
            return -1;
        }

        using ProfilerRange range = Range();
        bool isAligned = IsAligned(x);
        long packs = (x.Count / (isAligned ? PackWidth(x.DType) : 1)) + 1;
        int blocks = (int)Math.Min(FiniteCheckBlocks, (packs + BlockSize - 1) / BlockSize);
        NdArray ofBlocks = Empty([blocks], DType.I64);
        NdArray first = Empty([1], DType.I64);
        Launch(
            isAligned ? "index_of_non_finite" : "index_of_non_finite_scalar", x.DType, blocks, BlockSize,
            new() { ofBlocks, x, x.Count });
        Launch("index_of_non_finite_reduce", x.DType, 1, BlockSize, new() { first, ofBlocks, x.Count, blocks });
        ofBlocks.Storage.Release();

        long found = 0;
        CopyToHost(first, MemoryMarshal.AsBytes(new Span<long>(ref found)));
        first.Storage.Release();
        return found < x.Count ? found : -1;
    }
}
