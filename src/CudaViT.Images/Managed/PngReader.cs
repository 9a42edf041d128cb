using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Images.Managed;

/// <summary>
/// Decodes PNG (ISO/IEC 15948) without a native library: every colour type and depth, interlaced or not.
/// </summary>
/// <remarks>
/// The pixels are those of libpng, since the format loses nothing. Of samples of 16 bits the upper byte counts, which
/// libpng's interface without longjmp would round instead; so such files are read here on every machine. Colours marked
/// as transparent, gamma and profiles are not looked at, and alpha is dropped.
/// </remarks>
internal static class PngReader
{
    private const int Grey = 0;
    private const int Color = 2;
    private const int Indexed = 3;
    private const int GreyWithAlpha = 4;
    private const int ColorWithAlpha = 6;
    private const int PaletteSize = 256 * 3;

    // First column, first row, and the distances between columns and between rows, of Adam7's passes.
    private static readonly (int X, int Y, int Dx, int Dy)[] Adam7 =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private static readonly (int X, int Y, int Dx, int Dy)[] Whole = [(0, 0, 1, 1)];

    /// <summary>Decodes a file.</summary>
    /// <exception cref="UndecodableImageException">It is damaged.</exception>
    public static ImageView Decode(ReadOnlySpan<byte> file, ImageBuffer destination)
    {
        PngHeader header = PngChunks.ReadHeader(file);
        header.RequireKnown();
        header.RequireLimits(file.Length);
        byte[] packed = ArrayPool<byte>.Shared.Rent(file.Length);
        byte[] palette = ArrayPool<byte>.Shared.Rent(PaletteSize);
        try
        {
            palette.AsSpan(0, PaletteSize).Clear(); // what it does not name is black
            int size = PngChunks.CopyData(file, packed, palette.AsSpan(0, PaletteSize), out bool hasPalette);
            if (header.ColorType == Indexed && !hasPalette)
            {
                throw new UndecodableImageException("the PNG palette is missing");
            }

            (int height, int width) = ((int)header.Height, (int)header.Width);
            Span<byte> pixels = destination.Reserve(checked(height * width * 3));
            using var memory = new MemoryStream(packed, 0, size);
            using var data = new ZLibStream(memory, CompressionMode.Decompress);
            foreach ((int x, int y, int dx, int dy) in header.IsInterlaced ? Adam7 : Whole)
            {
                int columns = (width - x + dx - 1) / dx;
                if (columns > 0)
                {
                    ReadPass(data, header, palette, columns, pixels, (y, dy), (x, dx));
                }
            }

            return new ImageView(pixels, height, width, channels: 3);
        }
        catch (InvalidDataException e)
        {
            throw new UndecodableImageException($"the compressed data are damaged: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
            ArrayPool<byte>.Shared.Return(palette);
        }
    }

    private static void ReadPass(
        ZLibStream data,
        in PngHeader header,
        byte[] palette,
        int columns,
        Span<byte> pixels,
        (int First, int Step) y,
        (int First, int Step) x)
    {
        int size = (int)header.RowSize(columns);
        byte[] rows = ArrayPool<byte>.Shared.Rent((2 * size) + 1);
        try
        {
            Span<byte> row = rows.AsSpan(0, size + 1); // the number of its filter comes first
            Span<byte> above = rows.AsSpan(size + 1, size);
            above.Clear();
            for (int line = y.First; line < header.Height; line += y.Step)
            {
                if (data.ReadAtLeast(row, row.Length, throwOnEndOfStream: false) < row.Length)
                {
                    throw new UndecodableImageException("there are fewer pixels than the header announces");
                }

                Unfilter(row[0], row[1..], above, Math.Max(1, header.BitsPerPixel / 8));
                Span<byte> target = pixels[(3 * ((line * (int)header.Width) + x.First))..];
                Expand(row[1..], header, palette, columns, target, 3 * x.Step);
                row[1..].CopyTo(above);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rows);
        }
    }

    // Each byte was predicted from those a pixel to the left, above, or both (section 9).
    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int step)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (int i = step; i < row.Length; i++)
                {
                    row[i] += row[i - step];
                }

                break;
            case 2:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += above[i];
                }

                break;
            case 3:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += (byte)(((i < step ? 0 : row[i - step]) + above[i]) >> 1);
                }

                break;
            case 4:
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] += i < step ? above[i] : Paeth(row[i - step], above[i], above[i - step]);
                }

                break;
            default:
                throw new UndecodableImageException($"a row has the filter {filter}; PNG knows 0 to 4");
        }
    }

    private static byte Paeth(int left, int above, int corner)
    {
        int toLeft = Math.Abs(above - corner);
        int toAbove = Math.Abs(left - corner);
        int toCorner = Math.Abs(left + above - (2 * corner));
        return (byte)(toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner);
    }

    // To red, green and blue, where pixels of the target lie some way apart.
    private static void Expand(
        ReadOnlySpan<byte> row, in PngHeader header, byte[] palette, int columns, Span<byte> target, int distance)
    {
        int samples = header.Samples;
        if (header.Depth >= 8)
        {
            int sampleSize = header.Depth / 8; // big-endian, so that the upper byte comes first
            int green = header.ColorType is Color or ColorWithAlpha ? sampleSize : 0;
            for ((int i, int from, int to) = (0, 0, 0); i < columns; i++, from += samples * sampleSize, to += distance)
            {
                if (header.ColorType == Indexed)
                {
                    palette.AsSpan(3 * row[from], 3).CopyTo(target[to..]);
                    continue;
                }

                (target[to], target[to + 1], target[to + 2]) = (row[from], row[from + green], row[from + (2 * green)]);
            }

            return;
        }

        int largest = (1 << header.Depth) - 1;
        for (int i = 0, to = 0; i < columns; i++, to += distance)
        {
            int bit = i * header.Depth;
            int value = (row[bit / 8] >> (8 - header.Depth - (bit % 8))) & largest;
            if (header.ColorType == Indexed)
            {
                palette.AsSpan(3 * value, 3).CopyTo(target[to..]);
                continue;
            }

            target.Slice(to, 3).Fill((byte)(value * 255 / largest)); // without a remainder for 1, 2 and 4 bits
        }
    }
}
