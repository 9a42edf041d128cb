using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

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
        for (int y = 0; y < box.Height; y++)
        {
            ReadOnlySpan<byte> input = source.Pixels.Slice(
                (((box.Top + y) * source.Width) + box.Left) * channels, box.Width * channels);
            Span<byte> output = destination.Slice(y * width * channels, width * channels);
            if (box.Width == width)
            {
                input.CopyTo(output);
            }
            else if (channels == 1)
            {
                ResizeGreyRow(input, output);
            }
            else
            {
                ResizeColorRow(input, output);
            }
        }
    }

    private void ResizeGreyRow(ReadOnlySpan<byte> input, Span<byte> output)
    {
        _horizontal.Prepare(input.Length, output.Length);
        for (int x = 0; x < output.Length; x++)
        {
            ReadOnlySpan<int> weights = _horizontal.Weights(x, out int first);
            ReadOnlySpan<byte> pixels = input.Slice(first, weights.Length);
            int sum = ResizeFilter.Half;
            for (int i = 0; i < weights.Length; i++)
            {
                sum += weights[i] * pixels[i];
            }

            output[x] = ResizeFilter.Round(sum);
        }
    }

    private void ResizeColorRow(ReadOnlySpan<byte> input, Span<byte> output)
    {
        _horizontal.Prepare(input.Length / 3, output.Length / 3);
        for (int x = 0; x < output.Length / 3; x++)
        {
            ReadOnlySpan<int> weights = _horizontal.Weights(x, out int first);
            ReadOnlySpan<byte> pixels = input.Slice(3 * first, 3 * weights.Length);
            (int red, int green, int blue) = (ResizeFilter.Half, ResizeFilter.Half, ResizeFilter.Half);
            for (int i = 0; i < weights.Length; i++)
            {
                red += weights[i] * pixels[3 * i];
                green += weights[i] * pixels[(3 * i) + 1];
                blue += weights[i] * pixels[(3 * i) + 2];
            }

            output[3 * x] = ResizeFilter.Round(red);
            output[(3 * x) + 1] = ResizeFilter.Round(green);
            output[(3 * x) + 2] = ResizeFilter.Round(blue);
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
            WeighRows(inputs, weights, destination.Slice(y * stride, stride));
        }
    }

    // Neighbouring bytes of a row share their weights, so eight of them are weighed at once.
    private static void WeighRows(ReadOnlySpan<byte> rows, ReadOnlySpan<int> weights, Span<byte> output)
    {
        int stride = output.Length;
        int x = 0;
        for (; Vector256.IsHardwareAccelerated && x <= stride - sizeof(ulong); x += sizeof(ulong))
        {
            var sum = Vector256.Create(ResizeFilter.Half);
            for (int i = 0; i < weights.Length; i++)
            {
                var bytes = Vector128.CreateScalar(MemoryMarshal.Read<ulong>(rows[((i * stride) + x)..])).AsByte();
                (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.WidenLower(bytes));
                sum += Vector256.Create(low, high).AsInt32() * weights[i];
            }

            sum = Vector256.Clamp(
                sum >> ResizeFilter.FractionBits, Vector256<int>.Zero, Vector256.Create((int)byte.MaxValue));
            Vector128<ushort> words = Vector128.Narrow(sum.GetLower().AsUInt32(), sum.GetUpper().AsUInt32());
            MemoryMarshal.Write(output[x..], Vector128.Narrow(words, words).AsUInt64().ToScalar());
        }

        for (; x < stride; x++)
        {
            int sum = ResizeFilter.Half;
            for (int i = 0; i < weights.Length; i++)
            {
                sum += weights[i] * rows[(i * stride) + x];
            }

            output[x] = ResizeFilter.Round(sum);
        }
    }
}
