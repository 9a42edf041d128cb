using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// The directory of a zip archive whose entries are stored without compression, as PyTorch writes them: for each name
/// the place of its bytes in the file. Nothing is unpacked, and no name ever becomes a path.
/// </summary>
/// <remarks>PKWARE's APPNOTE, sections 4.3.7 to 4.3.16 and 4.5.3 (sizes beyond 32 bits).</remarks>
internal sealed class StoredZip
{
    private const int EndSize = 22;
    private const int LocatorSize = 20;
    private const int End64Size = 56;
    private const int EntrySize = 46;
    private const int LocalSize = 30;
    private const int MaxComment = ushort.MaxValue;
    private const int MaxDirectorySize = 1 << 26;
    private const uint EndSignature = 0x06054b50;
    private const uint LocatorSignature = 0x07064b50;
    private const uint End64Signature = 0x06064b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;
    private const ushort Extra64 = 1;

    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly long _length;
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Reads the directory.</summary>
    /// <exception cref="TorchException">It is damaged.</exception>
    public StoredZip(SafeFileHandle handle, string path)
    {
        (_handle, _path, _length) = (handle, path, RandomAccess.GetLength(handle));
        (long position, long size) = FindDirectory();
        if (position < 0 || size < 0 || size > MaxDirectorySize || position > _length - size)
        {
            throw Damaged("its directory lies outside the file");
        }

        byte[] directory = Read(position, (int)size);
        for (ReadOnlySpan<byte> rest = directory; rest.Length > 0;)
        {
            rest = rest[AddEntry(rest)..];
        }
    }

    /// <summary>Names of all entries.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Where the bytes of an entry are.</summary>
    /// <param name="name">Full name within the archive.</param>
    /// <exception cref="TorchException">There is none, or it is compressed or encrypted.</exception>
    public (long Position, long Size) Find(string name)
    {
        Entry entry = _entries.GetValueOrDefault(name) ?? throw Damaged($"there is no entry '{name}'");
        if (entry.Method != 0 || entry.IsEncrypted || entry.Packed != entry.Size)
        {
            throw Damaged($"the entry '{name}' is compressed or encrypted, which PyTorch's never are");
        }

        // The local header repeats the name; its extra field, which aligns the data, has a length of its own.
        byte[] header = Read(entry.Local, LocalSize);
        if (U32(header, 0) != LocalSignature)
        {
            throw Damaged($"the entry '{name}' has no header");
        }

        long position = entry.Local + LocalSize + U16(header, 26) + U16(header, 28);
        return entry.Size <= _length - position
            ? (position, entry.Size)
            : throw Damaged($"the entry '{name}' reaches beyond the end of the file");
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private (long Position, long Size) FindDirectory()
    {
        int tailLength = (int)Math.Min(_length, EndSize + MaxComment);
        byte[] tail = Read(_length - tailLength, tailLength);
        for (int at = tailLength - EndSize; at >= 0; at--)
        {
            if (U32(tail, at) == EndSignature && U16(tail, at + 20) == tailLength - at - EndSize)
            {
                long end = _length - tailLength + at;
                return FindDirectory64(end) ?? (U32(tail, at + 16), U32(tail, at + 12));
            }
        }

        throw Damaged("its directory is missing");
    }

    private (long Position, long Size)? FindDirectory64(long end)
    {
        if (end < LocatorSize)
        {
            return null;
        }

        byte[] locator = Read(end - LocatorSize, LocatorSize);
        if (U32(locator, 0) != LocatorSignature)
        {
            return null;
        }

        byte[] end64 = Read(I64(locator, 8), End64Size);
        return U32(end64, 0) == End64Signature
            ? (I64(end64, 48), I64(end64, 40))
            : throw Damaged("its directory is missing");
    }

    private int AddEntry(ReadOnlySpan<byte> rest)
    {
        if (rest.Length < EntrySize || U32(rest, 0) != EntrySignature)
        {
            throw Damaged("its directory is damaged");
        }

        int nameLength = U16(rest, 28);
        int extraLength = U16(rest, 30);
        int length = EntrySize + nameLength + extraLength + U16(rest, 32);
        if (rest.Length < length)
        {
            throw Damaged("its directory is damaged");
        }

        string name = Encoding.UTF8.GetString(rest.Slice(EntrySize, nameLength));
        long packed = U32(rest, 20);
        long size = U32(rest, 24);
        long local = U32(rest, 42);
        ReadExtra(rest.Slice(EntrySize + nameLength, extraLength), ref size, ref packed, ref local);
        var entry = new Entry(U16(rest, 10), IsEncrypted: (U16(rest, 8) & 1) != 0, packed, size, local);
        if (size < 0 || packed < 0 || local < 0 || !_entries.TryAdd(name, entry))
        {
            throw Damaged($"its directory is damaged at '{name}'");
        }

        return length;
    }

    // Fields that do not fit 32 bits are all ones, and their values follow here, in this order.
    private void ReadExtra(ReadOnlySpan<byte> extra, ref long size, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int length = U16(extra, 2);
            if (length > extra.Length - 4)
            {
                throw Damaged("its directory is damaged");
            }

            if (U16(extra, 0) == Extra64)
            {
                ReadOnlySpan<byte> values = extra.Slice(4, length);
                size = Take(ref values, size);
                packed = Take(ref values, packed);
                local = Take(ref values, local);
            }

            extra = extra[(4 + length)..];
        }
    }

    private static long Take(ref ReadOnlySpan<byte> values, long narrow)
    {
        if (narrow != uint.MaxValue || values.Length < 8)
        {
            return narrow;
        }

        long wide = I64(values, 0);
        values = values[8..];
        return wide;
    }

    private byte[] Read(long position, int length)
    {
        if (position < 0 || position > _length - length)
        {
            throw Damaged("a part of it lies outside the file");
        }

        byte[] bytes = new byte[length];
        FileCursor.ReadExactly(_handle, _path, bytes, position);
        return bytes;
    }

    private TorchException Damaged(string what) => new(
        $"{_path}: this zip archive is not one that PyTorch wrote, or is damaged ({what}); copy the file again.");

    private sealed record Entry(ushort Method, bool IsEncrypted, long Packed, long Size, long Local);
}
