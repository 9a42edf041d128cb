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
    public void Resize(ImageView source, CropBox box, Span<byte> destination, int height, int width) =>
        Resize(source, box, destination, new ResizedWindow(height, width, Top: 0, Left: 0, height, width));

    /// <summary>
    /// Resizes a box of <paramref name="source"/> and keeps a window of the result, the only part that is computed:
    /// memory and time follow the window, whatever the size of the rest would be.
    /// </summary>
    /// <param name="source">Any size; 1 or 3 channels.</param>
    /// <param name="box">Must lie inside the image.</param>
    /// <param name="destination">[window.Height, window.Width, channels], exactly.</param>
    /// <param name="window">What is wanted of the resized box.</param>
    /// <exception cref="ArgumentException">
    /// The box is not inside the image, the window not inside the result, or the destination has another size.
    /// </exception>
    public void Resize(ImageView source, CropBox box, Span<byte> destination, in ResizedWindow window)
    {
        if (box.Top < 0 || box.Left < 0 || box.Height <= 0 || box.Width <= 0
            || box.Top > source.Height - box.Height || box.Left > source.Width - box.Width)
        {
            throw new ArgumentException(
                $"{box} is not inside an image of {source.Height} x {source.Width} pixels.", nameof(box));
        }

        if (window.Top < 0 || window.Left < 0
            || window.Top > window.FullHeight - window.Height || window.Left > window.FullWidth - window.Width)
        {
            throw new ArgumentException($"{window} is not inside the resized image.", nameof(window));
        }

        if (destination.IsEmpty || destination.Length != (long)window.Height * window.Width * source.Channels)
        {
            throw new ArgumentException(
                $"{destination.Length} bytes do not hold an image of {window.Height} x {window.Width} x " +
                $"{source.Channels}.",
                nameof(destination));
        }

        if (box.Height == window.FullHeight)
        {
            var same = new CropBox(box.Top + (int)window.Top, box.Left, window.Height, box.Width);
            ResizeColumns(source, same, destination, window);
            return;
        }

        _vertical.Prepare(box.Height, window.FullHeight, window.Top, window.Height);
        var needed = new CropBox(box.Top + _vertical.FirstInput, box.Left, _vertical.InputCount, box.Width);
        Span<byte> rows = _rows.Reserve(needed.Height * window.Width * source.Channels);
        ResizeColumns(source, needed, rows, window);
        ResizeRows(rows, window.Width * source.Channels, destination);
    }

    private void ResizeColumns(ImageView source, CropBox box, Span<byte> destination, in ResizedWindow window)
    {
        int channels = source.Channels;
        int inputStride = source.Width * channels;
        int stride = window.Width * channels;
        bool isSame = box.Width == window.FullWidth;
        int first = (int)window.Left;
        int inputWidth = window.Width;
        if (!isSame)
        {
            _horizontal.Prepare(box.Width, window.FullWidth, window.Left, window.Width);
            (first, inputWidth) = (_horizontal.FirstInput, _horizontal.InputCount);
        }

        int rowSize = inputWidth * channels;
        ReadOnlySpan<byte> input = source.Pixels[(((box.Top * source.Width) + box.Left + first) * channels)..];
        if (isSame)
        {
            for (int y = 0; y < box.Height; y++)
            {
                input.Slice(y * inputStride, stride).CopyTo(destination[(y * stride)..]);
            }

            return;
        }

        if (box.Height < ByteTranspose.StripRows || Math.Min(rowSize, stride) < ByteTranspose.Side)
        {
            for (int y = 0; y < box.Height; y++)
            {
                ResizeRow(input.Slice(y * inputStride, rowSize), destination.Slice(y * stride, stride), channels);
            }

            return;
        }

        for (int next = 0; next < box.Height; next += ByteTranspose.StripRows)
        {
            int y = Math.Min(next, box.Height - ByteTranspose.StripRows); // the last may overlap the one before
            ResizeStrip(
                input[(y * inputStride)..],
                inputStride,
                rowSize,
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

    private void ResizeRows(ReadOnlySpan<byte> rows, int stride, Span<byte> destination)
    {
        for (int y = 0; y < destination.Length / stride; y++)
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

/// <summary>A part of an image that is being resized.</summary>
/// <param name="FullHeight">Rows that the whole would have.</param>
/// <param name="FullWidth">Columns that the whole would have.</param>
/// <param name="Top">First row that is wanted.</param>
/// <param name="Left">First column that is wanted.</param>
/// <param name="Height">Rows that are wanted.</param>
/// <param name="Width">Columns that are wanted.</param>
public readonly record struct ResizedWindow(
    long FullHeight, long FullWidth, long Top, long Left, int Height, int Width);

/// <summary>How pixels between pixels are computed when an image is resized.</summary>
public enum Interpolation
{
    /// <summary>
    /// A triangle over the two nearest pixels, or over all that fall together: MoCo v3's pre-training.
    /// </summary>
    Bilinear,

    /// <summary>
    /// Keys' cubic with a = -1/2 over four pixels, or as many times more as fall together: fine-tuning.
    /// </summary>
    Bicubic,
}
