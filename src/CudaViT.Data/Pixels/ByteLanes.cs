using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace CudaViT.Data.Pixels;

/// <summary>Bytes to 32-bit lanes and back.</summary>
/// <remarks>
/// The portable form is what every machine can run; on x86 there are single instructions for what it says. Both give
/// the same bits.
/// </remarks>
internal static class ByteLanes
{
    /// <summary>Bytes in a vector.</summary>
    public const int BlockSize = 32;

    /// <summary>Eight bytes from memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load8(ref byte source) =>
        Widen(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref source)).AsByte());

    /// <summary>The first eight of sixteen bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Widen(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported)
        {
            return Avx2.ConvertToVector256Int32(bytes);
        }

        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.WidenLower(bytes));
        return Vector256.Create(low, high).AsInt32();
    }

    /// <summary>The last eight of sixteen bytes, moved to the front.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> UpperHalf(Vector128<byte> bytes) =>
        Vector128.CreateScalarUnsafe(bytes.AsUInt64().GetElement(1)).AsByte();

    /// <summary>Bytes in the order of the arguments; what is below 0 or above 255 becomes 0 or 255.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Narrow(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d)
    {
        if (Avx2.IsSupported)
        {
            // Both halves of a vector are packed by themselves: quarters of the arguments come out of order.
            Vector256<short> ab = Avx2.PackSignedSaturate(a, b);
            Vector256<short> cd = Avx2.PackSignedSaturate(c, d);
            Vector256<int> packed = Avx2.PackUnsignedSaturate(ab, cd).AsInt32();
            return Avx2.PermuteVar8x32(packed, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsByte();
        }

        return Vector256.Narrow(Vector256.Narrow(Clip(a), Clip(b)), Vector256.Narrow(Clip(c), Clip(d)));
    }

    /// <summary>The same for sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Narrow(Vector256<int> a, Vector256<int> b)
    {
        if (Sse2.IsSupported)
        {
            return Sse2.PackUnsignedSaturate(
                Sse2.PackSignedSaturate(a.GetLower(), a.GetUpper()),
                Sse2.PackSignedSaturate(b.GetLower(), b.GetUpper()));
        }

        return Vector128.Narrow(Words(Clip(a)), Words(Clip(b)));
    }

    /// <summary>Sixteen bytes from memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Load16(ref byte source)
    {
        var bytes = Vector128.LoadUnsafe(ref source);
        return Avx2.IsSupported
            ? Avx2.ConvertToVector256Int16(bytes).AsUInt16()
            : Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));
    }

    /// <summary>Bytes of words that are 255 at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Narrow(Vector256<ushort> a, Vector256<ushort> b) => Avx2.IsSupported
        ? Avx2.Permute4x64(Avx2.PackUnsignedSaturate(a.AsInt16(), b.AsInt16()).AsUInt64(), 0b11_01_10_00).AsByte()
        : Vector256.Narrow(a, b);

    /// <summary>Words as two vectors of 32 bits, in any order that <see cref="Join"/> knows how to undo.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<uint> A, Vector256<uint> B) Split(Vector256<ushort> words) => Avx2.IsSupported
        ? (Avx2.UnpackLow(words, Vector256<ushort>.Zero).AsUInt32(),
            Avx2.UnpackHigh(words, Vector256<ushort>.Zero).AsUInt32())
        : Vector256.Widen(words);

    /// <summary>The words that were split, of values that are 16 bits at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Join(Vector256<uint> a, Vector256<uint> b) => Avx2.IsSupported
        ? Avx2.PackUnsignedSaturate(a.AsInt32(), b.AsInt32())
        : Vector256.Narrow(a, b);

    private static Vector128<ushort> Words(Vector256<uint> values) =>
        Vector128.Narrow(values.GetLower(), values.GetUpper());

    private static Vector256<uint> Clip(Vector256<int> values) =>
        Vector256.Min(Vector256.Max(values, Vector256<int>.Zero), Vector256.Create(255)).AsUInt32();
}
