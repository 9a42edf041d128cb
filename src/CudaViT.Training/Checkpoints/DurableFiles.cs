namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Writes files that are either whole or absent: to a temporary name, flushed to the disk, renamed. Whatever the moment
/// at which the process or the machine stops, the name holds the old content or the new one.
/// </summary>
/// <param name="layer">The file system; null for the machine's.</param>
public sealed class DurableFiles(FileLayer? layer = null)
{
    private const string TemporarySuffix = ".tmp";

    private readonly FileLayer _layer = layer ?? new FileLayer();

    /// <summary>
    /// What stands at the end of names while files are written: nobody else's, so that two processes never write into
    /// one file. Whoever owns the folder may have one of its own, which replaces what a crash left.
    /// </summary>
    public string Suffix { get; init; } = $".{Guid.NewGuid():n}{TemporarySuffix}";

    /// <summary>
    /// Writes files into a folder that no other process writes to: the same temporary name every time, so that
    /// what a killed process left goes when the file is written again.
    /// </summary>
    /// <param name="layer">The file system; null for the machine's.</param>
    public static DurableFiles ForOwner(FileLayer? layer = null) => new(layer) { Suffix = TemporarySuffix };

    /// <summary>Whether a file is what a killed process left while it was writing another.</summary>
    public static bool IsTemporary(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.EndsWith(TemporarySuffix, StringComparison.Ordinal);
    }

    /// <summary>Makes a folder for files, if it does not exist.</summary>
    /// <exception cref="CheckpointException">It cannot be made.</exception>
    public static void CreateFolder(string path)
    {
        try
        {
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(path);
                new FileLayer().FlushFolder(FolderOf(path)); // files are only as durable as the name of their folder
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: the folder cannot be made ({e.Message.TrimEnd('.')}); expected one that can be written to; "
                + "name another with --out.",
                e);
        }
    }

    /// <summary>Refuses to replace a file by what is made of it.</summary>
    /// <param name="source">The file that is read.</param>
    /// <param name="output">The file that is written; there need be none.</param>
    /// <exception cref="CheckpointException">They are one file, however they are spelt, and through links.</exception>
    internal static void RequireOther(string source, string output)
    {
        StringComparison comparison = OperatingSystem.IsLinux()
            ? StringComparison.Ordinal
            : StringComparison.OrdinalIgnoreCase;
        try
        {
            // Of files that can be reached, links end somewhere.
            if (!File.Exists(source) || !File.Exists(output) || !Resolved(source).Equals(Resolved(output), comparison))
            {
                return;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return; // reading or writing it says more
        }

        throw new CheckpointException(
            $"{output}: this is the file that is read ({source}), which would be lost; expected another one; name it "
            + "with --out.");
    }

    /// <summary>Writes or replaces a file.</summary>
    /// <param name="path">Its folder must exist.</param>
    /// <param name="sizeInBytes">
    /// About how large it will be: reserved before writing, so a full disk shows at once.
    /// </param>
    /// <param name="write">Writes the content; the stream is buffered.</param>
    /// <exception cref="CheckpointException">
    /// The disk is full or the folder cannot be written to. The temporary file is gone, the old content is still there.
    /// </exception>
    public void Write(string path, long sizeInBytes, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        string temporary = path + Suffix;
        bool isMade = false;
        try
        {
            using (Stream stream = _layer.Create(temporary, sizeInBytes))
            {
                isMade = true;
                write(stream);
                _layer.Flush(stream);
            }

            _layer.Move(temporary, path);
            _layer.FlushFolder(FolderOf(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (isMade)
            {
                TryDelete(temporary); // otherwise it may be another writer's
            }

            throw new CheckpointException(
                $"{path}: cannot be written ({e.Message.TrimEnd('.')}); {Advice(e, path, sizeInBytes)}. "
                + "What was written before is untouched.",
                e);
        }
        catch when (isMade)
        {
            TryDelete(temporary); // the disk is not to blame: what was to be written could not be made
            throw;
        }
    }

    /// <summary>Opens a file, which may be missing, to write at its end. Others can read it meanwhile.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keptBytes">Its first bytes, which stay; all others go.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be written.</exception>
    internal Stream Append(string path, long keptBytes)
    {
        bool isNew = !File.Exists(path);
        Stream stream = _layer.Append(path, keptBytes);
        if (isNew)
        {
            _layer.FlushFolder(FolderOf(path));
        }

        return stream;
    }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="IOException">It cannot be read, or is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    internal Stream Read(string path) => _layer.Read(path);

    /// <summary>Brings what was written to an open file to the disk.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    internal void Flush(Stream stream) => _layer.Flush(stream);

    /// <summary>
    /// Gives a file a name that no file has: <paramref name="name"/>, or one with a number behind it.
    /// </summary>
    /// <returns>The new name; null if there is no such file.</returns>
    /// <exception cref="CheckpointException">It cannot be renamed.</exception>
    internal string? MoveAside(string path, string name)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        string free = FreeName(number => number is null ? name : $"{name}.{number}");
        try
        {
            _layer.Move(path, free);
            _layer.FlushFolder(FolderOf(path));
            return free;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: cannot be renamed to {free} ({e.Message.TrimEnd('.')}); expected a folder that can be "
                + "written to; correct its permissions.",
                e);
        }
    }

    /// <summary>The first of some names that no file has.</summary>
    /// <param name="name">Makes a name: without a number, then with 2, 3 ...</param>
    internal static string FreeName(Func<int?, string> name)
    {
        string free = name(null);
        for (int number = 2; File.Exists(free); number++)
        {
            free = name(number);
        }

        return free;
    }

    /// <summary>Removes a file; what cannot be removed now stays for another time.</summary>
    /// <returns>Whether it is gone.</returns>
    internal bool TryDelete(string path)
    {
        try
        {
            _layer.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // on Windows, somebody may be reading it
        }
    }

    private static string Advice(Exception error, string path, long sizeInBytes) => error switch
    {
        DirectoryNotFoundException => "expected its folder to be there; make it again or name another with --out",
        UnauthorizedAccessException => "expected a folder that can be written to; name another with --out",
        _ => $"{sizeInBytes} bytes are needed{FreeSpace(path)}; free some space or name another folder with --out",
    };

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;

    // Without links in any part of it.
    private static string Resolved(string path)
    {
        string full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is not { } folder)
        {
            return full;
        }

        string here = Path.Combine(Resolved(folder), Path.GetFileName(full));
        FileSystemInfo entry = Directory.Exists(here) ? new DirectoryInfo(here) : new FileInfo(here);
        return entry.ResolveLinkTarget(returnFinalTarget: false) is { } target ? Resolved(target.FullName) : here;
    }

    private static string FreeSpace(string path)
    {
        try
        {
            return $", {new DriveInfo(FolderOf(path)).AvailableFreeSpace} are free";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }
}
