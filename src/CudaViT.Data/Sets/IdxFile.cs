using System.Buffers.Binary;
using System.IO.Compression;

namespace CudaViT.Data.Sets;

/// <summary>Reads and writes the IDX files of MNIST and its relatives, compressed with gzip or not.</summary>
/// <remarks>
/// The format (yann.lecun.com/exdb/mnist): big-endian magic 0x0803 for images or 0x0801 for labels (8: unsigned bytes;
/// 3 or 1: number of dimensions), one big-endian 32-bit size per dimension, then the bytes. Whether a file is
/// compressed is seen from its first bytes, not from its name. Memory grows with what was really read, never with what
/// a header claims.
/// </remarks>
public static class IdxFile
{
    internal const int ImagesMagic = 0x0803;
    internal const int LabelsMagic = 0x0801;
    private const string CopyAgain = "The file is damaged; download it again.";

    private static readonly uint[] ChecksumOfDigit = [.. Enumerable.Range(0, 16).Select(digit =>
        Enumerable.Repeat(0, 4).Aggregate((uint)digit, (crc, _) => (crc >> 1) ^ ((crc & 1) * 0xEDB88320)))];

    /// <summary>Reads grey images.</summary>
    /// <exception cref="DatasetException">The file is missing or malformed.</exception>
    public static IdxImages ReadImages(string path) => ReadFile(path, ReadImages);

    /// <summary>Reads grey images from a seekable stream; <paramref name="name"/> stands for it in messages.</summary>
    /// <exception cref="DatasetException">The content is malformed.</exception>
    public static IdxImages ReadImages(Stream stream, string name)
    {
        (int[] sizes, byte[] pixels) = Read(stream, name, ImagesMagic, "images", dimensions: 3);
        return new IdxImages(pixels, sizes[0], sizes[1], sizes[2]);
    }

    /// <summary>Reads labels.</summary>
    /// <exception cref="DatasetException">The file is missing or malformed.</exception>
    public static byte[] ReadLabels(string path) => ReadFile(path, ReadLabels);

    /// <summary>Reads labels from a seekable stream; <paramref name="name"/> stands for it in messages.</summary>
    /// <exception cref="DatasetException">The content is malformed.</exception>
    public static byte[] ReadLabels(Stream stream, string name) =>
        Read(stream, name, LabelsMagic, "labels", dimensions: 1).Data;

    /// <summary>Writes images, uncompressed.</summary>
    public static void WriteImages(Stream stream, IdxImages images)
    {
        ArgumentNullException.ThrowIfNull(images);
        Write(stream, ImagesMagic, [images.Count, images.Height, images.Width], images.Pixels);
    }

    /// <summary>Writes labels, uncompressed.</summary>
    public static void WriteLabels(Stream stream, byte[] labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Write(stream, LabelsMagic, [labels.Length], labels);
    }

    /// <summary>The magic number a file begins with once unpacked, or null if it is too short or corrupt.</summary>
    internal static int? PeekMagic(string path)
    {
        return ReadFile<int?>(path, (stream, _) =>
        {
            using Stream content = Unpack(stream, out bool _);
            Span<byte> magic = stackalloc byte[sizeof(int)];
            try
            {
                return content.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length
                    ? BinaryPrimitives.ReadInt32BigEndian(magic)
                    : null;
            }
            catch (InvalidDataException)
            {
                return null;
            }
        });
    }

    private static T ReadFile<T>(string path, Func<Stream, string, T> read)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using FileStream stream = File.OpenRead(path);
            return read(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                $"{path}: cannot be read ({e.Message}) An IDX file was expected. " +
                "Check the path and its permissions.", e);
        }
    }

    private static (int[] Sizes, byte[] Data) Read(Stream stream, string name, int magic, string what, int dimensions)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using Stream content = Unpack(stream, out bool compressed);
        try
        {
            int[] sizes = ReadHeader(content, name, magic, what, dimensions);
            int length = DataLength(sizes, name);
            if (!compressed && stream.Length - stream.Position < length)
            {
                throw Truncated(name, sizes, stream.Length - stream.Position); // before reading any of it
            }

            byte[] data = ReadData(content, name, sizes, length);
            if (content.ReadByte() >= 0)
            {
                throw new DatasetException(
                    $"{name}: bytes follow the {Describe(sizes)} {what} of the header, none were expected. " +
                    $"{CopyAgain}");
            }

            if (compressed)
            {
                CheckGzipEnd(stream, name, [.. Header(magic, sizes), .. data]);
            }

            return (sizes, data);
        }
        catch (InvalidDataException e)
        {
            throw new DatasetException($"{name}: the gzip data cannot be unpacked ({e.Message}) {CopyAgain}", e);
        }
    }

    private static int[] ReadHeader(Stream content, string name, int magic, string what, int dimensions)
    {
        Span<byte> header = stackalloc byte[sizeof(int) * (1 + dimensions)];
        int read = content.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        int found = read < sizeof(int) ? 0 : BinaryPrimitives.ReadInt32BigEndian(header);
        if (read >= sizeof(int) && found != magic)
        {
            string other = found switch
            {
                LabelsMagic => "It holds labels: name the file of the images.",
                ImagesMagic => "It holds images: name the file of the labels.",
                _ => "It is not an IDX file of unsigned bytes; check the path.",
            };
            throw new DatasetException(
                $"{name}: begins with 0x{found:x8}, but IDX {what} begin with 0x{magic:x8}. {other}");
        }

        if (read < header.Length)
        {
            throw new DatasetException(
                $"{name}: ends after {read} bytes, but the header of IDX {what} has {header.Length}. {CopyAgain}");
        }

        var sizes = new int[dimensions];
        for (int i = 0; i < dimensions; i++)
        {
            sizes[i] = BinaryPrimitives.ReadInt32BigEndian(header[(sizeof(int) * (1 + i))..]);
        }

        return sizes;
    }

    private static int DataLength(int[] sizes, string name)
    {
        Int128 length = 1;
        foreach (int size in sizes)
        {
            length *= size;
        }

        if (Array.Exists(sizes, size => size <= 0) || length > Array.MaxLength)
        {
            throw new DatasetException(
                $"{name}: the header announces {Describe(sizes)} bytes; " +
                "each size must be positive and the product at most " +
                $"{Array.MaxLength}. {CopyAgain}");
        }

        return (int)length;
    }

    private static byte[] ReadData(Stream content, string name, int[] sizes, int length)
    {
        byte[] data = new byte[Math.Min(length, 1 << 20)];
        int filled = 0;
        while (true)
        {
            filled += content.ReadAtLeast(data.AsSpan(filled), data.Length - filled, throwOnEndOfStream: false);
            if (filled < data.Length)
            {
                throw Truncated(name, sizes, filled);
            }

            if (filled == length)
            {
                return data;
            }

            Array.Resize(ref data, (int)Math.Min(length, 2L * filled));
        }
    }

    // GZipStream does not notice a cut-off end, where the checksum and the unpacked length (RFC 1952) should be. A file
    // may have several members, one after another; then these are of the last one.
    private static void CheckGzipEnd(Stream stream, string name, byte[] unpacked)
    {
        Span<byte> end = stackalloc byte[2 * sizeof(uint)];
        stream.Seek(-end.Length, SeekOrigin.End);
        stream.ReadExactly(end);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(end);
        uint recorded = BinaryPrimitives.ReadUInt32LittleEndian(end[sizeof(uint)..]);
        if (recorded > unpacked.Length || Checksum(unpacked.AsSpan(unpacked.Length - (int)recorded)) != checksum)
        {
            throw new DatasetException(
                $"{name}: the gzip data unpacks to {unpacked.Length} bytes, but its end records {recorded} with " +
                $"another checksum. {CopyAgain}");
        }
    }

    // CRC-32 of RFC 1952, four bits at a time.
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            crc = ChecksumOfDigit[(int)(crc & 15)] ^ (crc >> 4);
            crc = ChecksumOfDigit[(int)(crc & 15)] ^ (crc >> 4);
        }

        return ~crc;
    }

    private static Stream Unpack(Stream stream, out bool compressed)
    {
        Span<byte> start = stackalloc byte[2];
        long origin = stream.Position;
        compressed = stream.ReadAtLeast(start, 2, throwOnEndOfStream: false) == 2 && start is [0x1f, 0x8b];
        stream.Position = origin;
        return compressed ? new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true) : stream;
    }

    private static void Write(Stream stream, int magic, ReadOnlySpan<int> sizes, byte[] data)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Header(magic, sizes));
        stream.Write(data);
    }

    private static byte[] Header(int magic, ReadOnlySpan<int> sizes)
    {
        byte[] header = new byte[sizeof(int) * (1 + sizes.Length)];
        BinaryPrimitives.WriteInt32BigEndian(header, magic);
        for (int i = 0; i < sizes.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(sizeof(int) * (1 + i)), sizes[i]);
        }

        return header;
    }

    private static DatasetException Truncated(string name, int[] sizes, long found) =>
        new($"{name}: the header announces {Describe(sizes)} bytes, but only {found} follow. {CopyAgain}");

    private static string Describe(int[] sizes) => string.Join(" x ", sizes);
}

/// <summary>The content of an IDX file of images.</summary>
/// <param name="Pixels">[Count, Height, Width], 8-bit grey.</param>
/// <param name="Count">Number of images.</param>
/// <param name="Height">Rows of every image.</param>
/// <param name="Width">Columns of every image.</param>
public sealed record IdxImages(byte[] Pixels, int Count, int Height, int Width);
