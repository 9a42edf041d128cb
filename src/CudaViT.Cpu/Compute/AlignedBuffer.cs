using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>Memory for packed operands that grows as needed, is kept between uses and begins on a cache line.</summary>
internal sealed class AlignedBuffer<T>
    where T : unmanaged
{
    private const int Alignment = 64;

    private T[] _array = [];
    private int _offset;

    /// <summary>The first element.</summary>
    public ref T Start => ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_array), _offset);

    /// <summary>Makes room for <paramref name="count"/> elements. What was in the buffer is lost.</summary>
    public AlignedBuffer<T> Reserve(int count)
    {
        if (_array.Length - _offset < count)
        {
            // Pinned, so that the first element stays where it was aligned.
            int slack = Alignment / Unsafe.SizeOf<T>();
            _array = GC.AllocateUninitializedArray<T>(count + slack, pinned: true);
            nint address = Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0);
            _offset = (int)(-address & (Alignment - 1)) / Unsafe.SizeOf<T>();
        }

        return this;
    }
}
