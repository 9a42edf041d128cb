using System.Buffers.Binary;
using System.Numerics;
using CudaViT.Core;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// A file that <c>torch.save</c> wrote, in either of its containers: the zip archive of PyTorch 1.6 and later, or the
/// row of pickles and raw storages before it. Structure and names are read at once, tensors when asked for.
/// </summary>
/// <remarks>
/// Nothing in the file is trusted and nothing in it is executed; see <see cref="PickleReader"/>. What tensors can
/// make a caller allocate is bounded by the file's own length, see <see cref="IsBounded"/>.
/// </remarks>
internal sealed class TorchFile : IDisposable
{
    private const int MaxPickleBytes = 1 << 27;
    private const int LegacyProtocol = 1001;
    private const int ChunkBytes = 1 << 20;

    // Tied weights are written once and viewed several times, but not this often.
    private const int MaxViewsOfFile = 8;

    private static readonly BigInteger LegacyMagic = BigInteger.Parse(
        "1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, null);

    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly long _length;
    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private long _bytesRead;

    private TorchFile(SafeFileHandle handle, string path)
    {
        (_handle, _path, _length) = (handle, path, RandomAccess.GetLength(handle));
        Span<byte> start = stackalloc byte[4];
        if (_length < start.Length)
        {
            throw NoTorchFile();
        }

        FileCursor.ReadExactly(handle, path, start, 0);
        Root = start.StartsWith("PK"u8) ? ReadZip()
            : start[0] == (byte)PickleOpcode.Proto ? ReadLegacy()
            : throw NoTorchFile();
    }

    /// <summary>What was saved; see <see cref="PickleReader.Read"/>.</summary>
    public object? Root { get; }

    /// <summary>Opens a file and reads everything but the numbers of the tensors.</summary>
    /// <exception cref="TorchException">It cannot be read, is damaged, or holds something that is refused.</exception>
    public static TorchFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path);
            var file = new TorchFile(handle, path);
            handle = null; // owned by the file from here on
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new TorchException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}); expected a file that torch.save wrote; "
                + "check the path and its permissions.",
                e);
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <summary>
    /// Whether a tensor has no more bytes than a few times the file; an expanded one could have any number.
    /// </summary>
    public bool IsBounded(TorchTensor tensor) => tensor.SizeInBytes <= MaxViewsOfFile * _length;

    /// <summary>Hands a tensor's elements on, little-endian and row-major, in parts.</summary>
    /// <param name="tensor">A tensor of this file.</param>
    /// <param name="sink">Gets one part after another.</param>
    /// <exception cref="TorchException">
    /// The file cannot be read, or views repeat its content far more often than tied weights do.
    /// </exception>
    public void CopyTo(TorchTensor tensor, Action<ReadOnlySpan<byte>> sink)
    {
        _bytesRead += tensor.SizeInBytes;
        if (_bytesRead > MaxViewsOfFile * _length)
        {
            throw new TorchException(
                $"{_path}: its tensors have more than {MaxViewsOfFile} times the bytes of the file; expected every "
                + "storage to be used about once; save the state_dict again.");
        }

        int size = tensor.Storage.Element.SizeInBytes;
        long start = tensor.Storage.Position!.Value + (tensor.Offset * size);
        if (tensor.IsContiguous)
        {
            byte[] chunk = new byte[Math.Min(ChunkBytes, tensor.SizeInBytes)];
            for (long done = 0; done < tensor.SizeInBytes;)
            {
                Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, tensor.SizeInBytes - done));
                FileCursor.ReadExactly(_handle, _path, part, start + done);
                sink(part);
                done += part.Length;
            }
        }
        else
        {
            Gather(tensor, start, sink);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Gather(TorchTensor tensor, long start, Action<ReadOnlySpan<byte>> sink)
    {
        int size = tensor.Storage.Element.SizeInBytes;
        if (tensor.Extent * size > Array.MaxLength)
        {
            throw new TorchException(
                $"{_path}: a tensor of {tensor.Extent * size} bytes is not stored row by row; expected less than "
                + $"{Array.MaxLength}; save it with .contiguous().");
        }

        byte[] source = new byte[tensor.Extent * size];
        FileCursor.ReadExactly(_handle, _path, source, start);
        byte[] chunk = new byte[Math.Min(ChunkBytes, tensor.SizeInBytes)];
        int filled = 0;
        long[] index = new long[tensor.Shape.Count];
        for (long i = 0; i < tensor.Count; i++)
        {
            long at = 0;
            for (int axis = 0; axis < index.Length; axis++)
            {
                at += index[axis] * tensor.Stride[axis];
            }

            source.AsSpan((int)at * size, size).CopyTo(chunk.AsSpan(filled));
            filled += size;
            if (filled == chunk.Length)
            {
                sink(chunk);
                filled = 0;
            }

            for (int axis = index.Length - 1; axis >= 0 && ++index[axis] == tensor.Shape[axis]; axis--)
            {
                index[axis] = 0;
            }
        }

        sink(chunk.AsSpan(0, filled));
    }

    private object? ReadZip()
    {
        var zip = new StoredZip(_handle, _path);
        const string Pickle = "/data.pkl";
        string[] pickles = [.. zip.Names.Where(name => name.EndsWith(Pickle, StringComparison.Ordinal))];
        if (pickles is not [string name])
        {
            throw new TorchException(
                $"{_path}: the archive has {pickles.Length} entries called data.pkl; expected one, as torch.save "
                + "writes; a TorchScript file has to be saved as a state_dict.");
        }

        string folder = name[..^Pickle.Length];
        string order = $"{folder}/byteorder";
        if (zip.Names.Contains(order))
        {
            RequireLittleEndian(zip.Find(order));
        }

        (long position, long size) = zip.Find(name);
        var cursor = new FileCursor(_handle, _path, position, position + RequireSize(size));
        return new PickleReader(cursor, _path, StorageInZip).Read();

        TorchStorage StorageInZip(string key, TorchElement element, long count)
        {
            TorchStorage storage = Storage(key, element, count);
            if (storage.Position is null)
            {
                (long at, long bytes) = zip.Find($"{folder}/data/{key}");
                RequireLength(storage, key, bytes);
                storage.Position = at;
            }

            return storage;
        }
    }

    // Magic number, protocol, properties of the machine, the object; then the keys of its storages and their content.
    private object? ReadLegacy()
    {
        var cursor = new FileCursor(_handle, _path, 0, _length);
        object? Next() => new PickleReader(cursor, _path, Storage).Read();

        if (Next() is not BigInteger magic || magic != LegacyMagic || Next() is not (long)LegacyProtocol)
        {
            throw NoTorchFile();
        }

        if (Next() is not PickleDict machine || !machine.TryGet("little_endian", out bool isLittle) || !isLittle)
        {
            throw new TorchException(
                $"{_path}: the numbers are big-endian, or the file is damaged; expected little-endian ones; save it "
                + "again on a common machine.");
        }

        object? root = Next();
        if (cursor.Position > MaxPickleBytes || Next() is not List<object?> keys)
        {
            throw new TorchException($"{_path}: the list of storages is missing; copy the file again.");
        }

        foreach (object? key in keys)
        {
            PlaceStorage(cursor, key);
        }

        return _storages.FirstOrDefault(pair => pair.Value.Position is null).Key is { } missing
            ? throw new TorchException($"{_path}: the numbers of storage '{missing}' are missing; copy the file again.")
            : root;
    }

    private void PlaceStorage(FileCursor cursor, object? key)
    {
        // A storage of an unknown type is not in the table either: how long its elements are is not in the file.
        if (key is not string name || !_storages.TryGetValue(name, out TorchStorage? storage)
            || storage.Position is not null)
        {
            throw new TorchException(
                $"{_path}: the list of storages is damaged at '{key}', or it has a type that is not known; copy the "
                + "file again, or save the state_dict alone.");
        }

        Span<byte> count = stackalloc byte[sizeof(long)];
        cursor.Read(count);
        if (BinaryPrimitives.ReadInt64LittleEndian(count) != storage.Count)
        {
            throw new TorchException($"{_path}: storage '{name}' has another length than announced; copy it again.");
        }

        RequireLength(storage, name, Math.Min(cursor.Remaining, storage.SizeInBytes));
        storage.Position = cursor.Position;
        cursor.Skip(storage.SizeInBytes);
    }

    private TorchStorage Storage(string key, TorchElement element, long count)
    {
        if (!_storages.TryGetValue(key, out TorchStorage? storage))
        {
            storage = new TorchStorage(element, count);
            _storages.Add(key, storage);
        }

        return storage.Element == element && storage.Count == count
            ? storage
            : throw new TorchException(
                $"{_path}: storage '{key}' is described in two ways; the file is damaged; copy it again.");
    }

    private void RequireLength(TorchStorage storage, string key, long bytes)
    {
        if (storage.SizeInBytes != bytes)
        {
            throw new TorchException(
                $"{_path}: storage '{key}' should have {storage.SizeInBytes} bytes, but there are {bytes}; the file "
                + "is damaged or truncated; copy it again.");
        }
    }

    private long RequireSize(long size) => size <= MaxPickleBytes
        ? size
        : throw new TorchException(
            $"{_path}: the pickle has {size} bytes; expected at most {MaxPickleBytes}; save the state_dict alone.");

    private void RequireLittleEndian((long Position, long Size) entry)
    {
        byte[] text = new byte[Math.Min(entry.Size, 16)];
        FileCursor.ReadExactly(_handle, _path, text, entry.Position);
        if (!text.AsSpan().SequenceEqual("little"u8))
        {
            throw new TorchException(
                $"{_path}: the numbers are not little-endian; save the file again on a common machine.");
        }
    }

    private TorchException NoTorchFile() => new(
        $"{_path}: this is no file that torch.save wrote{FileKind.Told(_path)}; expected a zip archive or a pickle; "
        + "name a .pth or .pth.tar.");
}

/// <summary>A file is not a PyTorch checkpoint, is damaged, or holds something that is not read on purpose.</summary>
public sealed class TorchException(string message, Exception? inner = null) : InputException(message, inner);
