using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>The elements of arrays on the CPU, as spans.</summary>
internal static class CpuArrays
{
    /// <summary>The elements as raw bytes.</summary>
    public static Span<byte> Bytes(this NdArray array)
    {
        var storage = (CpuStorage)array.Storage;
        int size = array.DType.SizeInBytes();
        return storage.Bytes.Slice(checked((int)(array.Offset * size)), checked((int)(array.Count * size)));
    }

    /// <summary>The elements, to read.</summary>
    public static ReadOnlySpan<T> ReadSpan<T>(this NdArray array)
        where T : unmanaged =>
        array.Span<T>();

    /// <summary>The elements, to read and to write.</summary>
    public static Span<T> Span<T>(this NdArray array)
        where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(array.Bytes());

    /// <summary>The elements in a form that outlives the stack, for the operands of matrix products.</summary>
    public static Memory<T> Memory<T>(this NdArray array)
        where T : unmanaged =>
        new CpuMemory<T>(array).Memory;
}
