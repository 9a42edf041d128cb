using CudaViT.Core;

namespace CudaViT.Cuda;

// Geometry that elementwise kernels share. Each has an entry that moves 16 bytes at a time, and a sibling, named
// ..._scalar, for arrays that start elsewhere than at a multiple of 16 bytes.
public sealed partial class CudaBackend
{
    private const int PackBytes = 16;

    // Threads of a block in kernels without shared work: eight blocks fill a multiprocessor.
    private const int BlockSize = 256;

    /// <summary>Elements that one 16-byte access moves.</summary>
    private static int PackWidth(DType dtype) => PackBytes / dtype.SizeInBytes();

    /// <summary>Whether every array starts at a multiple of 16 bytes, whatever its length.</summary>
    private static bool IsAligned(params ReadOnlySpan<NdArray?> arrays) => IsPacked(PackBytes, arrays);

    /// <summary>Blocks that cover <paramref name="count"/> elements, <paramref name="width"/> to a thread.</summary>
    private static Dim3 ElementBlocks(long count, int width) => BlocksFor(count, (long)BlockSize * width);

    /// <summary>y = f(x), launched as (y, x, N).</summary>
    private NdArray Map(string packed, string scalar, NdArray x)
    {
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count > 0)
        {
            bool isAligned = IsAligned(x, y);
            Launch(
                isAligned ? packed : scalar, x.DType, ElementBlocks(x.Count, isAligned ? PackWidth(x.DType) : 1), BlockSize,
                new() { y, x, x.Count });
        }

        return y;
    }

    /// <summary>y = f(a, b) for operands of one shape, launched as (y, a, b, N).</summary>
    private NdArray Map(string packed, string scalar, NdArray a, NdArray b)
    {
        NdArray y = Empty(a.Shape, a.DType);
        if (a.Count > 0)
        {
            bool isAligned = IsAligned(a, b, y);
            Launch(
                isAligned ? packed : scalar, a.DType, ElementBlocks(a.Count, isAligned ? PackWidth(a.DType) : 1), BlockSize,
                new() { y, a, b, a.Count });
        }

        return y;
    }
}
