using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Data.Sets;

/// <summary>Lists the files inside a tar archive and where they lie, without unpacking any.</summary>
/// <remarks>
/// POSIX ustar with pax headers (IEEE 1003.1, pax) and GNU's long names and sizes. Nothing is ever written to a path
/// that an archive names.
/// </remarks>
internal static class TarFile
{
    private const int BlockSize = 512;
    private const int MaxExtension = 1 << 20; // a header that extends another one
    private const string CopyAgain = "The archive is damaged; copy it again.";

    /// <summary>Whether a file begins as a tar archive: with a header whose checksum is right.</summary>
    public static bool IsTar(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        Span<byte> header = stackalloc byte[BlockSize];
        return ReadFully(file, header, 0) && HasChecksum(header);
    }

    /// <summary>Lists all regular files in their order, hard links to them included.</summary>
    /// <exception cref="DatasetException">The archive is damaged or cannot be read.</exception>
    public static TarListing List(string path) => DatasetFolders.Guard(path, () =>
    {
        using SafeFileHandle file = File.OpenHandle(path);
        return List(file, path);
    });

    private static TarListing List(SafeFileHandle file, string path)
    {
        var entries = new List<TarEntry>();
        var links = new List<string>();
        Dictionary<string, TarEntry>? byName = null; // made where there are links
        long length = RandomAccess.GetLength(file);
        long position = 0;
        Span<byte> header = stackalloc byte[BlockSize];
        TarExtension next = default; // what the headers before say about the next entry
        while (ReadFully(file, header, position) && header.ContainsAnyExcept((byte)0))
        {
            if (!HasChecksum(header))
            {
                throw new DatasetException($"{path}: the header at byte {position} has a wrong checksum. {CopyAgain}");
            }

            byte type = header[156];
            bool isFile = type is 0 or (byte)'0' or (byte)'7';
            // Links, devices, folders and pipes have none, whatever their header says.
            bool hasContent = type is not (>= (byte)'1' and <= (byte)'6');
            long size = !hasContent ? 0
                : isFile && next.Size is { } extended ? extended
                : ReadNumber(header.Slice(124, 12));
            long content = position + BlockSize;
            if (size < 0 || size > length - content)
            {
                throw new DatasetException(
                    $"{path}: the header at byte {position} announces {size} bytes, but {length - content} follow. " +
                    CopyAgain);
            }

            if (isFile)
            {
                Add(new TarEntry(next.Name ?? NameOf(header), content, size));
                next = default;
            }
            else if (!hasContent)
            {
                string name = next.Name ?? NameOf(header);
                if (type == '1')
                {
                    byName ??= new Dictionary<string, TarEntry>(
                        entries.Select(entry => KeyValuePair.Create(entry.Name, entry)).DistinctBy(pair => pair.Key));
                }

                string link = next.LinkName ?? Text(header.Slice(157, 100));
                if (type == '1' && byName!.TryGetValue(link, out TarEntry target))
                {
                    Add(target with { Name = name });
                }
                else if (type is (byte)'1' or (byte)'2')
                {
                    links.Add(name);
                }

                next = default;
            }
            else if (type is (byte)'L' or (byte)'K' or (byte)'x')
            {
                byte[] extension = new byte[size <= MaxExtension ? size : throw new DatasetException(
                    $"{path}: the header at byte {position} is extended by {size} bytes; at most {MaxExtension} were " +
                    $"expected. {CopyAgain}")];
                ReadFully(file, extension, content);
                next = type switch
                {
                    (byte)'L' => next with { Name = Text(extension) },
                    (byte)'K' => next with { LinkName = Text(extension) },
                    _ => ReadPax(extension, next),
                };
            }

            position = content + ((size + BlockSize - 1) / BlockSize * BlockSize);
        }

        string? cut = position >= length ? "ends without the block of zeros that marks an end"
            : length - position < BlockSize && HasContent(file, position, (int)(length - position))
                ? "ends within a header"
            : null;
        return new TarListing(entries, links, cut);

        void Add(TarEntry entry)
        {
            entries.Add(entry);
            byName?.TryAdd(entry.Name, entry);
        }
    }

    private static bool HasContent(SafeFileHandle file, long position, int size)
    {
        Span<byte> rest = stackalloc byte[size];
        return ReadFully(file, rest, position) && rest.ContainsAnyExcept((byte)0);
    }

    private static bool ReadFully(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        for (int read = 0; read < buffer.Length;)
        {
            int more = RandomAccess.Read(file, buffer[read..], offset + read);
            if (more == 0)
            {
                return false;
            }

            read += more;
        }

        return true;
    }

    // The sum of all bytes, those of the checksum itself counted as spaces.
    private static bool HasChecksum(ReadOnlySpan<byte> header)
    {
        long sum = 8 * ' ';
        for (int i = 0; i < BlockSize; i++)
        {
            sum += i is >= 148 and < 156 ? 0 : header[i];
        }

        return sum == ReadNumber(header.Slice(148, 8));
    }

    // Octal digits, or with the top bit set a big-endian number of the remaining bits.
    private static long ReadNumber(ReadOnlySpan<byte> field)
    {
        long value = 0;
        if ((field[0] & 0x80) != 0)
        {
            foreach (byte b in field[^8..])
            {
                value = (value << 8) | b;
            }

            return field[..^8].ContainsAnyExcept((byte)0x80, (byte)0) ? -1 : value;
        }

        foreach (byte b in field.Trim((byte)' '))
        {
            if (b is < (byte)'0' or > (byte)'7')
            {
                return b == 0 ? value : -1;
            }

            value = (value * 8) + (b - '0');
        }

        return value;
    }

    private static string NameOf(ReadOnlySpan<byte> header)
    {
        string name = Text(header[..100]);
        bool isUstar = header.Slice(257, 6).SequenceEqual("ustar\0"u8);
        string prefix = isUstar ? Text(header.Slice(345, 155)) : "";
        return prefix.Length == 0 ? name : $"{prefix}/{name}";
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    // Records "LENGTH key=value\n"; what cannot be read as such is not there.
    private static TarExtension ReadPax(ReadOnlySpan<byte> records, TarExtension next)
    {
        while (true)
        {
            int space = records.IndexOf((byte)' ');
            if (space <= 0
                || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                || length <= space + 1 || length > records.Length)
            {
                return next;
            }

            ReadOnlySpan<byte> record = records[(space + 1)..(length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals > 0)
            {
                ReadOnlySpan<byte> value = record[(equals + 1)..];
                if (record[..equals].SequenceEqual("path"u8))
                {
                    next = next with { Name = Encoding.UTF8.GetString(value) };
                }
                else if (record[..equals].SequenceEqual("linkpath"u8))
                {
                    next = next with { LinkName = Encoding.UTF8.GetString(value) };
                }
                else if (record[..equals].SequenceEqual("size"u8)
                    && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long size))
                {
                    next = next with { Size = size };
                }
            }

            records = records[length..];
        }
    }

    /// <summary>What headers say about the entry after them.</summary>
    private readonly record struct TarExtension(string? Name, string? LinkName, long? Size);
}

/// <summary>A file inside an archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">Where its content begins.</param>
/// <param name="SizeInBytes">Size of the content.</param>
internal readonly record struct TarEntry(string Name, long Offset, long SizeInBytes);

/// <summary>What is in an archive.</summary>
/// <param name="Entries">Its files.</param>
/// <param name="Links">Names of symbolic links, and of hard links to nothing before them.</param>
/// <param name="Cut">How the archive seems to have been cut off, to follow its name; null if it has an end.</param>
internal sealed record TarListing(IReadOnlyList<TarEntry> Entries, IReadOnlyList<string> Links, string? Cut);
