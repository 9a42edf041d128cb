using Microsoft.Win32.SafeHandles;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>Reads a range of a file from front to back through a small buffer.</summary>
internal sealed class FileCursor
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly byte[] _buffer = new byte[1 << 14];
    private readonly long _end;
    private long _bufferStart;
    private int _bufferLength;

    public FileCursor(SafeFileHandle handle, string path, long position, long end) =>
        (_handle, _path, Position, _end) = (handle, path, position, end);

    /// <summary>Of the next byte in the file.</summary>
    public long Position { get; private set; }

    public long Remaining => _end - Position;

    public byte ReadByte()
    {
        if (Position < _bufferStart || Position >= _bufferStart + _bufferLength)
        {
            Fill();
        }

        return _buffer[(int)(Position++ - _bufferStart)];
    }

    public void Read(Span<byte> destination)
    {
        foreach (ref byte value in destination)
        {
            value = ReadByte();
        }
    }

    /// <exception cref="TorchException">The file ends before.</exception>
    public void Skip(long count)
    {
        if (count < 0 || count > Remaining)
        {
            throw Truncated(_path);
        }

        Position += count;
    }

    /// <summary>Fills a span from any position of a file.</summary>
    /// <exception cref="TorchException">The file ends before.</exception>
    public static void ReadExactly(SafeFileHandle handle, string path, Span<byte> destination, long position)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(handle, destination, position);
            if (read == 0)
            {
                throw Truncated(path);
            }

            destination = destination[read..];
            position += read;
        }
    }

    private void Fill()
    {
        _bufferStart = Position;
        _bufferLength = (int)Math.Min(_buffer.Length, Math.Max(0, Remaining));
        if (_bufferLength == 0)
        {
            throw Truncated(_path);
        }

        ReadExactly(_handle, _path, _buffer.AsSpan(0, _bufferLength), _bufferStart);
    }

    private static TorchException Truncated(string path) =>
        new($"{path}: the file ends too early; it is truncated; copy it again.");
}
