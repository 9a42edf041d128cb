using System.Collections.Concurrent;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Support;

/// <summary>The real file system, which writes down what it is asked to do and in which order.</summary>
internal sealed class RecordingFiles : FileLayer
{
    private readonly ConcurrentDictionary<Stream, string> _names = new();
    private readonly List<string> _calls = [];

    /// <summary>Writes files to it.</summary>
    public DurableFiles Files => DurableFiles.ForOwner(this);

    /// <summary>All calls, with names of files without their folders; writes to one file in a row are one.</summary>
    public IReadOnlyList<string> Calls => _calls;

    public override Stream Create(string path, long sizeInBytes)
    {
        Note($"create {Name(path)}");
        return Watched(path, base.Create(path, sizeInBytes));
    }

    public override Stream Append(string path, long keptBytes)
    {
        Note($"append {Name(path)}");
        return Watched(path, base.Append(path, keptBytes));
    }

    public override void Flush(Stream stream)
    {
        Note($"flush {_names[stream]}");
        base.Flush(stream);
    }

    public override void Move(string path, string newPath)
    {
        Note($"move {Name(path)} {Name(newPath)}");
        base.Move(path, newPath);
    }

    public override void Delete(string path)
    {
        Note($"delete {Name(path)}");
        base.Delete(path);
    }

    public override bool FlushFolder(string folder)
    {
        Note($"flush {Name(folder)}/");
        return base.FlushFolder(folder);
    }

    /// <summary>Forgets everything so far.</summary>
    public void Clear() => _calls.Clear();

    private static string Name(string path) => Path.GetFileName(path);

    private WatchedWrites Watched(string path, Stream file)
    {
        string name = Name(path);
        var stream = new WatchedWrites(
            file,
            count =>
            {
                Note($"write {name}");
                return count;
            },
            () => Note($"close {name}"));
        _names[stream] = name;
        return stream;
    }

    private void Note(string call)
    {
        if (_calls.LastOrDefault() != call || !call.StartsWith("write ", StringComparison.Ordinal))
        {
            _calls.Add(call);
        }
    }
}
