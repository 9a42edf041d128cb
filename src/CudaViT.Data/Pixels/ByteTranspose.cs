using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>Turns rows of bytes into columns and back, a strip of 32 rows at a time.</summary>
/// <remarks>
/// Squares of 8 x 8 bytes are turned as eight 64-bit words, by exchanging halves, then quarters, then bytes between
/// them (H. S. Warren, Hacker's Delight, section 7-3); the four lanes of a vector are four squares below each other.
/// </remarks>
internal static class ByteTranspose
{
    /// <summary>Rows of a strip.</summary>
    public const int StripRows = 4 * Side;

    /// <summary>Rows and columns of a square, and the smallest width that is turned.</summary>
    public const int Side = 8;

    /// <summary>Writes the columns of a strip.</summary>
    /// <param name="rows">[32, stride]; of the last row, only what is to be turned.</param>
    /// <param name="stride">Bytes from a row to the next.</param>
    /// <param name="columns">[width, 32], where the width, at least 8, is how much of each row is turned.</param>
    public static void ToColumns(ReadOnlySpan<byte> rows, int stride, Span<byte> columns)
    {
        int width = columns.Length / StripRows;
        Check(width, rows.Length, ((StripRows - 1) * stride) + width);
        ref byte source = ref MemoryMarshal.GetReference(rows);
        ref byte target = ref MemoryMarshal.GetReference(columns);
        for (int next = 0; next < width; next += Side)
        {
            int column = Math.Min(next, width - Side); // the last square may overlap the one before
            ref byte row = ref Unsafe.Add(ref source, column);
            Vector256<ulong> a = Load(ref row, stride);
            Vector256<ulong> b = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> c = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> d = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> e = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> f = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> g = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Vector256<ulong> h = Load(ref row = ref Unsafe.Add(ref row, stride), stride);
            Turn(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h);
            ref byte line = ref Unsafe.Add(ref target, column * StripRows);
            a.AsByte().StoreUnsafe(ref line);
            b.AsByte().StoreUnsafe(ref line, 1 * StripRows);
            c.AsByte().StoreUnsafe(ref line, 2 * StripRows);
            d.AsByte().StoreUnsafe(ref line, 3 * StripRows);
            e.AsByte().StoreUnsafe(ref line, 4 * StripRows);
            f.AsByte().StoreUnsafe(ref line, 5 * StripRows);
            g.AsByte().StoreUnsafe(ref line, 6 * StripRows);
            h.AsByte().StoreUnsafe(ref line, 7 * StripRows);
        }
    }

    /// <summary>The way back.</summary>
    /// <param name="columns">[width, 32], with a width of at least 8.</param>
    /// <param name="rows">[32, width].</param>
    public static void ToRows(ReadOnlySpan<byte> columns, Span<byte> rows)
    {
        int width = columns.Length / StripRows;
        Check(width, rows.Length, StripRows * width);
        ref byte source = ref MemoryMarshal.GetReference(columns);
        ref byte target = ref MemoryMarshal.GetReference(rows);
        for (int next = 0; next < width; next += Side)
        {
            int column = Math.Min(next, width - Side);
            ref byte line = ref Unsafe.Add(ref source, column * StripRows);
            Vector256<ulong> a = Vector256.LoadUnsafe(ref line).AsUInt64();
            Vector256<ulong> b = Vector256.LoadUnsafe(ref line, 1 * StripRows).AsUInt64();
            Vector256<ulong> c = Vector256.LoadUnsafe(ref line, 2 * StripRows).AsUInt64();
            Vector256<ulong> d = Vector256.LoadUnsafe(ref line, 3 * StripRows).AsUInt64();
            Vector256<ulong> e = Vector256.LoadUnsafe(ref line, 4 * StripRows).AsUInt64();
            Vector256<ulong> f = Vector256.LoadUnsafe(ref line, 5 * StripRows).AsUInt64();
            Vector256<ulong> g = Vector256.LoadUnsafe(ref line, 6 * StripRows).AsUInt64();
            Vector256<ulong> h = Vector256.LoadUnsafe(ref line, 7 * StripRows).AsUInt64();
            Turn(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h);
            ref byte row = ref Unsafe.Add(ref target, column);
            Store(a, ref row, width);
            Store(b, ref row = ref Unsafe.Add(ref row, width), width);
            Store(c, ref row = ref Unsafe.Add(ref row, width), width);
            Store(d, ref row = ref Unsafe.Add(ref row, width), width);
            Store(e, ref row = ref Unsafe.Add(ref row, width), width);
            Store(f, ref row = ref Unsafe.Add(ref row, width), width);
            Store(g, ref row = ref Unsafe.Add(ref row, width), width);
            Store(h, ref row = ref Unsafe.Add(ref row, width), width);
        }
    }

    private static void Check(int width, int actual, int expected)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, Side);
        ArgumentOutOfRangeException.ThrowIfNotEqual(actual, expected);
    }

    // A row, and those 8, 16 and 24 below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Load(ref byte row, int stride) => Vector256.Create(
        Unsafe.ReadUnaligned<ulong>(ref row),
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref row, Side * stride)),
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref row, 2 * Side * stride)),
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref row, 3 * Side * stride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ulong> words, ref byte row, int stride)
    {
        Unsafe.WriteUnaligned(ref row, words.GetElement(0));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref row, Side * stride), words.GetElement(1));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref row, 2 * Side * stride), words.GetElement(2));
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref row, 3 * Side * stride), words.GetElement(3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(
        ref Vector256<ulong> a,
        ref Vector256<ulong> b,
        ref Vector256<ulong> c,
        ref Vector256<ulong> d,
        ref Vector256<ulong> e,
        ref Vector256<ulong> f,
        ref Vector256<ulong> g,
        ref Vector256<ulong> h)
    {
        Exchange(ref a, ref e, 32, 0x0000_0000_FFFF_FFFF);
        Exchange(ref b, ref f, 32, 0x0000_0000_FFFF_FFFF);
        Exchange(ref c, ref g, 32, 0x0000_0000_FFFF_FFFF);
        Exchange(ref d, ref h, 32, 0x0000_0000_FFFF_FFFF);
        Exchange(ref a, ref c, 16, 0x0000_FFFF_0000_FFFF);
        Exchange(ref b, ref d, 16, 0x0000_FFFF_0000_FFFF);
        Exchange(ref e, ref g, 16, 0x0000_FFFF_0000_FFFF);
        Exchange(ref f, ref h, 16, 0x0000_FFFF_0000_FFFF);
        Exchange(ref a, ref b, 8, 0x00FF_00FF_00FF_00FF);
        Exchange(ref c, ref d, 8, 0x00FF_00FF_00FF_00FF);
        Exchange(ref e, ref f, 8, 0x00FF_00FF_00FF_00FF);
        Exchange(ref g, ref h, 8, 0x00FF_00FF_00FF_00FF);
    }

    // Exchanges the upper parts of the first with the lower parts of the second.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exchange(ref Vector256<ulong> first, ref Vector256<ulong> second, int shift, ulong lower)
    {
        Vector256<ulong> difference = ((first >> shift) ^ second) & Vector256.Create(lower);
        second ^= difference;
        first ^= difference << shift;
    }
}
