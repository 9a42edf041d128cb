using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Support;

/// <summary>A disk with room for some bytes: what goes beyond fails the way the operating system fails it.</summary>
/// <param name="room">Bytes.</param>
/// <param name="counts">Whether a file of this name is on it; others are on a disk that is never full.</param>
internal sealed class FullDisk(long room, Func<string, bool> counts) : FileLayer
{
    private long _room = room;

    /// <summary>A disk for everything but the report and the metrics, or for the report alone.</summary>
    public FullDisk(long room, bool report = false)
        : this(room, name => report ? IsReport(name) : !IsReport(name) && name != "metrics.jsonl")
    {
    }

    /// <summary>Writes files to this disk.</summary>
    public DurableFiles Files => DurableFiles.ForOwner(this);

    /// <summary>Bytes that were asked for, whether there was room for them or not.</summary>
    public long Asked { get; private set; }

    public override Stream Create(string path, long sizeInBytes) => On(path, File.Create(path));

    public override Stream Append(string path, long keptBytes) => On(path, base.Append(path, keptBytes));

    /// <summary>Somebody frees space.</summary>
    public void Free(long bytes) => _room += bytes;

    private static bool IsReport(string name) => name is "report.html.tmp" or "run.json.tmp";

    private Stream On(string path, Stream file) =>
        counts(Path.GetFileName(path)) ? new WatchedWrites(file, Take(path)) : file;

    private Func<int, int> Take(string path) => count =>
    {
        Asked += count;
        int fits = (int)Math.Min(count, _room);
        _room -= fits;
        return fits == count ? count : throw new PartOnly(fits, $"No space left on device : '{path}'");
    };
}
