using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>What happens to eight pixels at once; the values are 0 to 255 before and after.</summary>
internal interface IRgbKernel
{
    void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue);
}

/// <summary>Walks through interleaved red, green and blue, eight pixels at a time.</summary>
/// <remarks>
/// What is left over at the end goes through the same code, by way of a padded copy, so that there is one arithmetic.
/// </remarks>
internal static class RgbBlocks
{
    private const int Pixels = 8;
    private const int BytesPerPixel = 3;
    private const int BlockSize = BytesPerPixel * Pixels;
    private const nuint Overlap = 8; // where the second of two loads of 16 bytes begins
    private const int MaxBlocksOfSum = 1 << 20; // a block adds at most 255 to each lane, and eight lanes are added up

    /// <summary>Applies a kernel to every pixel.</summary>
    public static void Map<TKernel>(Span<byte> pixels, TKernel kernel)
        where TKernel : struct, IRgbKernel
    {
        int whole = pixels.Length - (pixels.Length % BlockSize);
        ref byte start = ref MemoryMarshal.GetReference(pixels);
        for (int i = 0; i < whole; i += BlockSize)
        {
            MapBlock(ref Unsafe.Add(ref start, i), ref kernel);
        }

        Span<byte> rest = pixels[whole..];
        if (!rest.IsEmpty)
        {
            Span<byte> padded = stackalloc byte[BlockSize];
            padded.Clear();
            rest.CopyTo(padded);
            MapBlock(ref padded[0], ref kernel);
            padded[..rest.Length].CopyTo(rest);
        }
    }

    /// <summary>The sum of all grey values.</summary>
    public static long SumOfGrey(ReadOnlySpan<byte> pixels)
    {
        long total = 0;
        while (pixels.Length >= BlockSize)
        {
            int size = Math.Min(pixels.Length / BlockSize, MaxBlocksOfSum) * BlockSize;
            ref byte start = ref MemoryMarshal.GetReference(pixels);
            Vector256<int> sum = Vector256<int>.Zero;
            for (int i = 0; i < size; i += BlockSize)
            {
                sum += GreyOf(ref Unsafe.Add(ref start, i));
            }

            total += Vector256.Sum(sum);
            pixels = pixels[size..];
        }

        Span<byte> padded = stackalloc byte[BlockSize];
        padded.Clear(); // black counts nothing
        pixels.CopyTo(padded);
        return total + Vector256.Sum(GreyOf(ref padded[0]));
    }

    /// <summary>Mirrors a row of pixels.</summary>
    public static void Reverse(Span<byte> row)
    {
        int left = 0;
        int right = row.Length - BlockSize;
        for (; left + BlockSize <= right; left += BlockSize, right -= BlockSize)
        {
            (Vector128<byte> start, ulong end) = Reversed(ref row[left]);
            (Vector128<byte> otherStart, ulong otherEnd) = Reversed(ref row[right]);
            Store(ref row[right], start, end);
            Store(ref row[left], otherStart, otherEnd);
        }

        // What is left in the middle, fewer than sixteen pixels.
        right += BlockSize - BytesPerPixel;
        for (; left < right; left += BytesPerPixel, right -= BytesPerPixel)
        {
            for (int channel = 0; channel < BytesPerPixel; channel++)
            {
                (row[left + channel], row[right + channel]) = (row[right + channel], row[left + channel]);
            }
        }
    }

    /// <summary>Brightness by the weights of ITU-R BT.601 in 16-bit fixed point; they sum to 65536.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Grey(Vector256<int> red, Vector256<int> green, Vector256<int> blue) =>
        ((red * 19595) + (green * 38470) + (blue * 7471) + Vector256.Create(32768)) >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MapBlock<TKernel>(ref byte block, ref TKernel kernel)
        where TKernel : struct, IRgbKernel
    {
        (Vector256<int> red, Vector256<int> green, Vector256<int> blue) = Load(ref block);
        kernel.Apply(ref red, ref green, ref blue);
        Store(ref block, red, green, blue);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> GreyOf(ref byte block)
    {
        (Vector256<int> red, Vector256<int> green, Vector256<int> blue) = Load(ref block);
        return Grey(red, green, blue);
    }

    // Eight pixels in the opposite order: the first sixteen bytes, and the last eight.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<byte> Start, ulong End) Reversed(ref byte block)
    {
        var first = Vector128.LoadUnsafe(ref block);
        var last = Vector128.LoadUnsafe(ref block, Overlap);
        Vector128<byte> start = Pick(
            last,
            Mask(0x0807_0C0B_0A0F_0E0D, 0xFF03_0201_0605_0409),
            first,
            Mask(ulong.MaxValue, 0x06FF_FFFF_FFFF_FFFF));
        return (start, Vector128.Shuffle(first, Mask(0x0201_0005_0403_0807)).AsUInt64().ToScalar());
    }

    // Two overlapping loads, bytes 0 to 15 and 8 to 23. A mask's index of 255 gives 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int> Red, Vector256<int> Green, Vector256<int> Blue) Load(ref byte block)
    {
        var first = Vector128.LoadUnsafe(ref block);
        var last = Vector128.LoadUnsafe(ref block, Overlap);
        return (
            ByteLanes.Widen(Pick(first, Mask(0xFFFF_0F0C_0906_0300), last, Mask(0x0D0A_FFFF_FFFF_FFFF))),
            ByteLanes.Widen(Pick(first, Mask(0xFFFF_FF0D_0A07_0401), last, Mask(0x0E0B_08FF_FFFF_FFFF))),
            ByteLanes.Widen(Pick(first, Mask(0xFFFF_FF0E_0B08_0502), last, Mask(0x0F0C_09FF_FFFF_FFFF))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref byte block, Vector256<int> red, Vector256<int> green, Vector256<int> blue)
    {
        // Red in bytes 0 to 7, green in bytes 8 to 15; blue by itself.
        Vector128<byte> redGreen = ByteLanes.Narrow(red, green);
        Vector128<byte> blues = ByteLanes.Narrow(blue, blue);
        Vector128<byte> first = Pick(
            redGreen,
            Mask(0x0A02_FF09_01FF_0800, 0x05FF_0C04_FF0B_03FF),
            blues,
            Mask(0xFFFF_01FF_FF00_FFFF, 0xFF04_FFFF_03FF_FF02));
        Vector128<byte> last = Pick(redGreen, Mask(0xFF0F_07FF_0E06_FF0D), blues, Mask(0x07FF_FF06_FFFF_05FF));
        Store(ref block, first, last.AsUInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref byte block, Vector128<byte> start, ulong end)
    {
        start.StoreUnsafe(ref block);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref block, 2 * Overlap), end);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Pick(
        Vector128<byte> first, Vector128<byte> firstMask, Vector128<byte> second, Vector128<byte> secondMask) =>
        Vector128.Shuffle(first, firstMask) | Vector128.Shuffle(second, secondMask);

    // Byte i of the words, counted from their low ends, is the index of the byte that goes to i.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Mask(ulong low, ulong high = ulong.MaxValue) =>
        Vector128.Create(low, high).AsByte();
}
