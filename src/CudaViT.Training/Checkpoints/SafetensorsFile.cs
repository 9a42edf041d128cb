using System.Buffers.Binary;
using CudaViT.Core;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Training.Checkpoints;

/// <summary>A safetensors file opened for reading: names, types and shapes at once, data when asked for.</summary>
/// <remarks>
/// The format (github.com/huggingface/safetensors): 8 bytes little-endian length N; N bytes of JSON that give each name
/// its dtype, shape and data_offsets [begin, end); then the data, little-endian and row-major, without gaps. Nothing
/// in the file is trusted: every number is checked against the length of the file before it is used, and no more is
/// ever allocated than the header occupies on disk. Reading is safe from several threads.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly SafetensorsHeader _header;
    private readonly long _dataStart;

    private SafetensorsFile(SafeFileHandle handle, string path, SafetensorsHeader header, long dataStart) =>
        (_handle, _path, _header, _dataStart) = (handle, path, header, dataStart);

    /// <summary>All tensors in the order of their data.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors => _header.Tensors;

    /// <summary>Tensors of types that are not read, such as I16 or F8_E4M3; their data is stepped over.</summary>
    public IReadOnlyList<OtherTensor> Others => _header.Others;

    /// <summary>The free-form strings of <c>__metadata__</c>; empty if there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>The tensor called <paramref name="name"/>.</summary>
    /// <exception cref="SafetensorsException">There is none.</exception>
    public SafetensorsTensor this[string name] => _header.Find(name) is (SafetensorsTensor tensor, _)
        ? tensor
        : throw new SafetensorsException(
            $"{_path}: there is no tensor '{name}' among the {Tensors.Count} of this file. " +
            "Check that the file is of this model.");

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="SafetensorsException">The file cannot be read or is malformed.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path);
            long length = RandomAccess.GetLength(handle);
            byte[] header = ReadHeader(handle, path, length);
            long dataStart = sizeof(ulong) + header.LongLength;
            var parsed = SafetensorsHeader.Parse(path, header, dataLength: length - dataStart);
            var file = new SafetensorsFile(handle, path, parsed, dataStart);
            handle = null; // owned by the file from here on
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new SafetensorsException(
                Directory.Exists(path)
                    ? $"{path}: this is a folder; a safetensors file was expected. Name a file in it; that of a run is "
                        + "final.safetensors."
                    : $"{path}: cannot be read ({e.Message}) A safetensors file was expected. "
                        + "Check the path and its permissions.",
                e);
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <summary>Whether there is a tensor called <paramref name="name"/>.</summary>
    public bool Contains(string name) => _header.Find(name) is not null;

    /// <summary>Copies a tensor's bytes, from byte <paramref name="offset"/> of its data on.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="destination">Filled to the last byte.</param>
    /// <param name="offset">First byte to copy; lets a tensor of any size pass through a small buffer.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not inside the tensor.</exception>
    /// <exception cref="SafetensorsException">No such tensor, or the file cannot be read.</exception>
    public void Read(string name, Span<byte> destination, long offset = 0)
    {
        SafetensorsTensor tensor = this[name];
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.SizeInBytes - destination.Length);

        long begin = _dataStart + _header.Find(name)!.Value.Begin + offset;
        try
        {
            ReadExactly(_handle, _path, destination, begin);
        }
        catch (IOException e)
        {
            throw new SafetensorsException(
                $"{_path}: tensor '{name}' cannot be read ({e.Message}) Copy the file again.", e);
        }
    }

    /// <summary>All bytes of a tensor in a new array.</summary>
    /// <exception cref="SafetensorsException">No such tensor, or it is too large for one array.</exception>
    public byte[] ReadBytes(string name)
    {
        SafetensorsTensor tensor = this[name];
        if (tensor.SizeInBytes > Array.MaxLength)
        {
            throw new SafetensorsException(
                $"{_path}: tensor '{name}' has {tensor.SizeInBytes} bytes, more than one array can hold. " +
                "Read it in parts.");
        }

        byte[] bytes = new byte[tensor.SizeInBytes];
        Read(name, bytes);
        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static byte[] ReadHeader(SafeFileHandle handle, string path, long fileLength)
    {
        if (FileKind.Find(path) is { } kind)
        {
            throw new SafetensorsException(
                $"{path}: this is {kind.Name}; a safetensors file was expected; {kind.Advice}.");
        }

        if (fileLength < sizeof(ulong))
        {
            throw new SafetensorsException(
                $"{path}: the file has {fileLength} bytes, a safetensors file at least 8. It is truncated; " +
                "copy it again.");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        ReadExactly(handle, path, prefix, offset: 0);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)(fileLength - sizeof(ulong)))
        {
            throw new SafetensorsException(
                $"{path}: a header of {length} bytes is announced, but only {fileLength - sizeof(ulong)} follow. " +
                "The file is truncated or not a safetensors file; copy it again.");
        }

        if (length > SafetensorsHeader.MaxLength)
        {
            throw new SafetensorsException(
                $"{path}: a header of {length} bytes is announced, the format allows {SafetensorsHeader.MaxLength}. " +
                "It is not a safetensors file.");
        }

        byte[] header = new byte[length];
        ReadExactly(handle, path, header, sizeof(ulong));
        return header;
    }

    private static void ReadExactly(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(handle, destination, offset);
            if (read == 0)
            {
                throw new SafetensorsException($"{path}: the file became shorter while it was read. Copy it again.");
            }

            destination = destination[read..];
            offset += read;
        }
    }
}

/// <summary>A file is not a well-formed safetensors file, or lacks a tensor that was asked for.</summary>
public sealed class SafetensorsException(string message, Exception? inner = null) : InputException(message, inner);
