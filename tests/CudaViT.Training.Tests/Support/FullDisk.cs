using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Support;

/// <summary>A disk with room for some bytes: what goes beyond fails the way the operating system fails it.</summary>
/// <param name="room">Bytes.</param>
/// <param name="report">Whether it is for the report, or else for everything but it; the other is never full.</param>
internal sealed class FullDisk(long room, bool report = false)
{
    private long _room = room;

    /// <summary>Writes files to this disk.</summary>
    public DurableFiles Files => new((path, _) => IsReport(path) == report
        ? new Limited(this, File.Create(path))
        : File.Create(path));

    private static bool IsReport(string path) => Path.GetFileName(path) is "report.html.tmp" or "run.json.tmp";

    /// <summary>Somebody frees space.</summary>
    public void Free(long bytes) => _room += bytes;

    private sealed class Limited(FullDisk disk, FileStream file) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position { get => file.Position; set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count)
        {
            int fits = (int)Math.Min(count, disk._room);
            file.Write(buffer, offset, fits);
            disk._room -= fits;
            if (fits < count)
            {
                throw new IOException($"No space left on device : '{file.Name}'");
            }
        }

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            file.Dispose();
            base.Dispose(disposing);
        }
    }
}
