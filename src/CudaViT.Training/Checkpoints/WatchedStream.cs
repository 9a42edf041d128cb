using CudaViT.Core;

namespace CudaViT.Training.Checkpoints;

/// <summary>Passes what is written on to another stream and tells how much of it there is.</summary>
/// <param name="destination">Where it goes.</param>
/// <param name="length">About how many bytes there will be.</param>
/// <param name="progress">Is told; null for nobody.</param>
internal sealed class WatchedStream(Stream destination, long length, IWorkProgress? progress) : Stream
{
    private const double Megabyte = 1 << 20;

    private long _written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _written;

    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        destination.Write(buffer);
        _written += buffer.Length;
        progress?.OnAdvance(
            Math.Min(1, (double)_written / Math.Max(1, length)),
            FormattableString.Invariant($"{_written / Megabyte:f0} of {length / Megabyte:f0} MiB"));
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => destination.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
