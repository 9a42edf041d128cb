using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Support;

/// <summary>A file system that fails to read some files, as a network that is away or permissions do.</summary>
/// <param name="error">What reading fails with.</param>
/// <param name="isBroken">Whether a file of this name cannot be read.</param>
internal sealed class BrokenDisk(Exception error, Func<string, bool> isBroken) : FileLayer
{
    /// <summary>Reads and writes files there.</summary>
    public DurableFiles Files => DurableFiles.ForOwner(this);

    public override Stream Read(string path) =>
        isBroken(Path.GetFileName(path)) ? new Failing(error) : base.Read(path);

    // Opened, but the first read fails: errors of a disk come as late as that.
    private sealed class Failing(Exception error) : MemoryStream
    {
        public override long Length => throw error;

        public override int Read(byte[] buffer, int offset, int count) => throw error;

        public override int Read(Span<byte> buffer) => throw error;

        public override void CopyTo(Stream destination, int bufferSize) => throw error;
    }
}
