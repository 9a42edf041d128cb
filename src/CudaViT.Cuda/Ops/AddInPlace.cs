using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void AddInPlace(NdArray sum, NdArray term)
    {
        using ProfilerRange range = Range();
        if (sum.Count > 0)
        {
            bool isAligned = IsAligned(sum, term);
            Launch(
                isAligned ? "add_in_place" : "add_in_place_scalar", sum.DType,
                ElementBlocks(sum.Count, isAligned ? PackWidth(sum.DType) : 1), BlockSize,
                new() { sum, term, sum.Count });
        }
    }
}
