using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>
/// Cuts a box out of an image and resizes it with an area-aware filter, in the arithmetic of Pillow.
/// </summary>
/// <remarks>
/// Columns first, rounded to 8 bits, then rows; a pass whose size does not change is skipped. Nothing outside the box
/// contributes. Keeps its scratch memory and its last filters: one per thread.
/// </remarks>
/// <param name="interpolation">The filter.</param>
public sealed class ImageResizer(Interpolation interpolation = Interpolation.Bilinear)
{
    private readonly ResizeFilter _horizontal = new(interpolation);
    private readonly ResizeFilter _vertical = new(interpolation);
    private readonly ImageBuffer _rows = new();
    private readonly ImageBuffer _columns = new();
    private readonly ImageBuffer _resizedColumns = new();

    /// <summary>Resizes a box of <paramref name="source"/>.</summary>
    /// <param name="source">Any size; 1 or 3 channels.</param>
    /// <param name="box">Must lie inside the image.</param>
    /// <param name="destination">[height, width, channels], exactly.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="width">Columns of the result.</param>
    /// <exception cref="ArgumentException">
    /// The box is not inside the image, or the destination has another size.
    /// </exception>
    public void Resize(ImageView source, CropBox box, Span<byte> destination, int height, int width)
    {
        if (box.Top < 0 || box.Left < 0 || box.Height <= 0 || box.Width <= 0
            || box.Top > source.Height - box.Height || box.Left > source.Width - box.Width)
        {
            throw new ArgumentException(
                $"{box} is not inside an image of {source.Height} x {source.Width} pixels.", nameof(box));
        }

        if (destination.Length != height * width * source.Channels || destination.IsEmpty)
        {
            throw new ArgumentException(
                $"{destination.Length} bytes do not hold an image of {height} x {width} x {source.Channels}.",
                nameof(destination));
        }

        Span<byte> rows = box.Height == height
            ? destination
            : _rows.Reserve(box.Height * width * source.Channels);
        ResizeColumns(source, box, rows, width);
        if (box.Height != height)
        {
            ResizeRows(rows, box.Height, destination, height);
        }
    }

    private void ResizeColumns(ImageView source, CropBox box, Span<byte> destination, int width)
    {
        int channels = source.Channels;
        int inputStride = source.Width * channels;
        int stride = width * channels;
        ReadOnlySpan<byte> input = source.Pixels[(((box.Top * source.Width) + box.Left) * channels)..];
        if (box.Width == width)
        {
            for (int y = 0; y < box.Height; y++)
            {
                input.Slice(y * inputStride, stride).CopyTo(destination[(y * stride)..]);
            }

            return;
        }

        _horizontal.Prepare(box.Width, width);
        if (box.Height < ByteTranspose.StripRows || Math.Min(box.Width, width) * channels < ByteTranspose.Side)
        {
            for (int y = 0; y < box.Height; y++)
            {
                ReadOnlySpan<byte> row = input.Slice(y * inputStride, box.Width * channels);
                ResizeRow(row, destination.Slice(y * stride, stride), channels);
            }

            return;
        }

        for (int next = 0; next < box.Height; next += ByteTranspose.StripRows)
        {
            int y = Math.Min(next, box.Height - ByteTranspose.StripRows); // the last may overlap the one before
            ResizeStrip(
                input[(y * inputStride)..],
                inputStride,
                box.Width * channels,
                channels,
                destination.Slice(y * stride, ByteTranspose.StripRows * stride));
        }
    }

    // Along a row, neighbouring pixels have different weights; along a column they share them, so that vectors of them
    // can be weighed. So a strip of rows is turned, weighed, and turned back.
    private void ResizeStrip(
        ReadOnlySpan<byte> rows, int inputStride, int inputWidth, int channels, Span<byte> destination)
    {
        Span<byte> columns = _columns.Reserve(inputWidth * ByteTranspose.StripRows);
        Span<byte> resized = _resizedColumns.Reserve(destination.Length);
        int size = ((ByteTranspose.StripRows - 1) * inputStride) + inputWidth;
        ByteTranspose.ToColumns(rows[..size], inputStride, columns);
        int step = channels * ByteTranspose.StripRows;
        for (int x = 0; x < resized.Length / step; x++)
        {
            ReadOnlySpan<int> weights = _horizontal.Weights(x, out int first);
            WeighLines(columns.Slice(first * step, weights.Length * step), weights, resized.Slice(x * step, step));
        }

        ByteTranspose.ToRows(resized, destination);
    }

    private void ResizeRow(ReadOnlySpan<byte> input, Span<byte> output, int channels)
    {
        for (int x = 0; x < output.Length / channels; x++)
        {
            ReadOnlySpan<int> weights = _horizontal.Weights(x, out int first);
            for (int channel = 0; channel < channels; channel++)
            {
                output[(x * channels) + channel] = Weigh(input[((first * channels) + channel)..], channels, weights);
            }
        }
    }

    private void ResizeRows(ReadOnlySpan<byte> rows, int inputHeight, Span<byte> destination, int height)
    {
        int stride = rows.Length / inputHeight;
        _vertical.Prepare(inputHeight, height);
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<int> weights = _vertical.Weights(y, out int first);
            ReadOnlySpan<byte> inputs = rows.Slice(first * stride, weights.Length * stride);
            WeighLines(inputs, weights, destination.Slice(y * stride, stride));
        }
    }

    /// <summary>The weighted sum of lines as long as the output.</summary>
    private static void WeighLines(ReadOnlySpan<byte> lines, ReadOnlySpan<int> weights, Span<byte> output)
    {
        Debug.Assert(lines.Length == weights.Length * output.Length, "A line for each weight.");
        int step = output.Length;
        if (step >= ByteLanes.BlockSize)
        {
            ref byte source = ref MemoryMarshal.GetReference(lines);
            ref byte target = ref MemoryMarshal.GetReference(output);
            for (int next = 0; next < step; next += ByteLanes.BlockSize)
            {
                int x = Math.Min(next, step - ByteLanes.BlockSize); // the last block may overlap the one before
                WeighBlock(ref Unsafe.Add(ref source, x), step, weights)
                    .StoreUnsafe(ref target, (nuint)x);
            }

            return;
        }

        for (int x = 0; x < step; x++)
        {
            output[x] = Weigh(lines[x..], step, weights);
        }
    }

    /// <summary>The weighted sum of bytes that lie <paramref name="step"/> apart.</summary>
    private static byte Weigh(ReadOnlySpan<byte> input, int step, ReadOnlySpan<int> weights)
    {
        int sum = ResizeFilter.Half;
        for (int i = 0; i < weights.Length; i++)
        {
            sum += weights[i] * input[i * step];
        }

        return ResizeFilter.Round(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> WeighBlock(ref byte lines, int step, ReadOnlySpan<int> weights)
    {
        var a = Vector256.Create(ResizeFilter.Half);
        (Vector256<int> b, Vector256<int> c, Vector256<int> d) = (a, a, a);
        nint at = 0;
        foreach (int value in weights)
        {
            var weight = Vector256.Create(value);
            a += ByteLanes.Load8(ref Unsafe.Add(ref lines, at)) * weight;
            b += ByteLanes.Load8(ref Unsafe.Add(ref lines, at + 8)) * weight;
            c += ByteLanes.Load8(ref Unsafe.Add(ref lines, at + 16)) * weight;
            d += ByteLanes.Load8(ref Unsafe.Add(ref lines, at + 24)) * weight;
            at += step;
        }

        return ByteLanes.Narrow(
            a >> ResizeFilter.FractionBits,
            b >> ResizeFilter.FractionBits,
            c >> ResizeFilter.FractionBits,
            d >> ResizeFilter.FractionBits);
    }
}

/// <summary>How pixels between pixels are computed when an image is resized.</summary>
public enum Interpolation
{
    /// <summary>A triangle over the two nearest pixels, or over all that fall together: MoCo v3's pre-training.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -1/2 over four pixels, or as many times more as fall together: fine-tuning.</summary>
    Bicubic,
}
