using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Data.Pixels;

/// <summary>
/// Approximates a Gaussian blur by three box blurs along the rows and three along the columns, each rounded to 8 bits,
/// in the arithmetic of Pillow. Keeps scratch memory: one per thread.
/// </summary>
/// <remarks>
/// With s = sigma^2 / 3, L = sqrt(12 s + 1), l = floor((L - 1) / 2) and
/// a = (2 l + 1) (l (l + 1) - 3 s) / (6 (s - (l + 1)^2)), a box has the radius l + a: weight 1 up to offset l, weight a
/// at offset l + 1, over their sum (P. Gwosdek et al., "Theoretical foundations of Gaussian convolution by extended box
/// filtering", 2011). In fixed point: inner = trunc(2^24 / (2 (l + a) + 1)) and
/// outer = trunc((2^24 - (2 l + 1) inner) / 2). Beyond the edges, the outermost pixel repeats.
/// </remarks>
public sealed class BoxBlur
{
    /// <summary>The largest standard deviation that the fixed-point sums have room for.</summary>
    public const double MaxSigma = 100;

    private const int Passes = 3;
    private const int FractionBits = 24;
    private const uint Half = 1u << (FractionBits - 1);
    private const int BlockSize = ByteLanes.BlockSize;

    private readonly ImageBuffer _first = new();
    private readonly ImageBuffer _second = new();

    /// <summary>Blurs an image in place.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="channels">Bytes of a pixel.</param>
    /// <param name="sigma">Standard deviation of the Gaussian in pixels; 0 changes nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="sigma"/> is negative, not a number, or above <see cref="MaxSigma"/>.
    /// </exception>
    public void Apply(Span<byte> pixels, int height, int width, int channels, float sigma)
    {
        if (!(sigma is >= 0 and <= (float)MaxSigma))
        {
            throw new ArgumentOutOfRangeException(nameof(sigma), sigma, $"Expected 0 to {MaxSigma}.");
        }

        if (sigma == 0 || pixels.IsEmpty)
        {
            return;
        }

        BlurBox box = BoxOf(sigma);
        for (int y = 0; y < height; y++)
        {
            BlurLine(pixels.Slice(y * width * channels, width * channels), channels, box);
        }

        BlurLine(pixels, width * channels, box); // a line whose elements are whole rows
    }

    /// <summary>The box in fixed point; the default for 0, which blurs nothing.</summary>
    internal static BlurBox BoxOf(float sigma)
    {
        if (sigma == 0)
        {
            return default;
        }

        float variance = sigma * sigma / Passes;
        float length = (float)Math.Sqrt((12.0 * variance) + 1);
        float l = (float)Math.Floor((length - 1.0) / 2);
        float a = (float)(((2 * l) + 1) * ((l * (l + 1)) - (3.0 * variance)));
        a /= 6 * (variance - ((l + 1) * (l + 1)));
        float radius = l + a;
        uint inner = (uint)((1 << FractionBits) / ((radius * 2) + 1));
        uint outer = (uint)(((1 << FractionBits) - (((2 * (int)radius) + 1) * inner)) / 2);
        return new BlurBox((int)radius, inner, outer);
    }

    // Elements of a line are `step` bytes; corresponding bytes of neighbouring elements are blurred into each other.
    private void BlurLine(Span<byte> line, int step, BlurBox box)
    {
        int margin = (box.Radius + 1) * step;
        Span<byte> padded = _first.Reserve(line.Length + (2 * margin));
        Span<byte> next = _second.Reserve(padded.Length);
        line.CopyTo(padded[margin..]);
        for (int pass = 0; pass < Passes; pass++)
        {
            Repeat(padded, margin, step);
            Span<byte> target = pass == Passes - 1 ? line : next[margin..^margin];
            Weigh(padded, step, box, target);
            Span<byte> swapped = padded;
            padded = next;
            next = swapped;
        }
    }

    private static void Repeat(Span<byte> padded, int margin, int step)
    {
        ReadOnlySpan<byte> first = padded.Slice(margin, step);
        ReadOnlySpan<byte> last = padded.Slice(padded.Length - margin - step, step);
        for (int i = 0; i < margin; i += step)
        {
            first.CopyTo(padded[i..]);
            last.CopyTo(padded[(padded.Length - margin + i)..]);
        }
    }

    private static void Weigh(ReadOnlySpan<byte> padded, int step, BlurBox box, Span<byte> output)
    {
        int last = 2 * (box.Radius + 1) * step; // from the far left neighbour to the far right one
        Debug.Assert(padded.Length == output.Length + last, "The margins are missing.");
        if (output.Length >= BlockSize)
        {
            ref byte source = ref MemoryMarshal.GetReference(padded);
            ref byte target = ref MemoryMarshal.GetReference(output);
            var weights = (Vector256.Create(box.Inner), Vector256.Create(box.Outer));
            for (int next = 0; next < output.Length; next += BlockSize)
            {
                int x = Math.Min(next, output.Length - BlockSize); // the last block may overlap the one before
                WeighBlock(ref Unsafe.Add(ref source, x), step, last, weights).StoreUnsafe(ref target, (nuint)x);
            }

            return;
        }

        for (int x = 0; x < output.Length; x++)
        {
            uint inner = 0;
            for (int i = step; i < last; i += step)
            {
                inner += padded[x + i];
            }

            uint outer = (uint)padded[x] + padded[x + last];
            output[x] = (byte)(((inner * box.Inner) + (outer * box.Outer) + Half) >> FractionBits);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> WeighBlock(
        ref byte left, int step, int last, (Vector256<uint> Inner, Vector256<uint> Outer) weights)
    {
        ref byte right = ref Unsafe.Add(ref left, last);
        Vector256<ushort> outerLow = ByteLanes.Load16(ref left) + ByteLanes.Load16(ref right);
        Vector256<ushort> outerHigh = ByteLanes.Load16(ref Unsafe.Add(ref left, 16))
            + ByteLanes.Load16(ref Unsafe.Add(ref right, 16));
        Vector256<ushort> innerLow = ByteLanes.Load16(ref Unsafe.Add(ref left, step));
        Vector256<ushort> innerHigh = ByteLanes.Load16(ref Unsafe.Add(ref left, step + 16));
        for (int i = 2 * step; i < last; i += step)
        {
            innerLow += ByteLanes.Load16(ref Unsafe.Add(ref left, i));
            innerHigh += ByteLanes.Load16(ref Unsafe.Add(ref left, i + 16));
        }

        return ByteLanes.Narrow(Weigh(innerLow, outerLow, weights), Weigh(innerHigh, outerHigh, weights));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Weigh(
        Vector256<ushort> inner, Vector256<ushort> outer, (Vector256<uint> Inner, Vector256<uint> Outer) weights)
    {
        (Vector256<uint> innerA, Vector256<uint> innerB) = ByteLanes.Split(inner);
        (Vector256<uint> outerA, Vector256<uint> outerB) = ByteLanes.Split(outer);
        return ByteLanes.Join(
            ((innerA * weights.Inner) + (outerA * weights.Outer) + Vector256.Create(Half)) >> FractionBits,
            ((innerB * weights.Inner) + (outerB * weights.Outer) + Vector256.Create(Half)) >> FractionBits);
    }
}
