namespace CudaViT.Training.Tests.Support;

/// <summary>A stream that somebody looks at before anything is written to it.</summary>
/// <param name="inner">Where bytes go in the end.</param>
/// <param name="onWrite">
/// Gets the number of bytes and returns it; or throws, <see cref="PartOnly"/> where some of them still go there.
/// </param>
/// <param name="onClose">Is told of the end.</param>
internal sealed class WatchedWrites(Stream inner, Func<int, int> onWrite, Action? onClose = null) : Stream
{
    private bool _isClosed;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => inner.Length;

    public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            inner.Write(buffer, offset, onWrite(count));
        }
        catch (PartOnly part)
        {
            inner.Write(buffer, offset, part.Bytes);
            throw;
        }
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (!_isClosed)
        {
            _isClosed = true;
            inner.Dispose();
            onClose?.Invoke();
        }

        base.Dispose(disposing);
    }
}

/// <summary>A write that failed after some of its bytes.</summary>
internal sealed class PartOnly(int bytes, string message) : IOException(message)
{
    public int Bytes { get; } = bytes;
}
