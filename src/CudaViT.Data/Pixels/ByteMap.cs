using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>What happens to 32 bytes at once, to each by itself.</summary>
internal interface IByteKernel
{
    Vector256<byte> Apply(Vector256<byte> values);
}

/// <summary>Walks through bytes, 32 at a time.</summary>
internal static class ByteMap
{
    /// <summary>Applies a kernel to every byte.</summary>
    public static void Apply<TKernel>(Span<byte> pixels, TKernel kernel)
        where TKernel : struct, IByteKernel
    {
        int whole = pixels.Length - (pixels.Length % ByteLanes.BlockSize);
        ref byte start = ref MemoryMarshal.GetReference(pixels);
        for (int i = 0; i < whole; i += ByteLanes.BlockSize)
        {
            kernel.Apply(Vector256.LoadUnsafe(ref start, (nuint)i)).StoreUnsafe(ref start, (nuint)i);
        }

        Span<byte> rest = pixels[whole..];
        if (!rest.IsEmpty)
        {
            Span<byte> padded = stackalloc byte[ByteLanes.BlockSize];
            padded.Clear();
            rest.CopyTo(padded);
            kernel.Apply(Vector256.Create<byte>(padded)).CopyTo(padded);
            padded[..rest.Length].CopyTo(rest);
        }
    }
}
