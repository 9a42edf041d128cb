using System.Runtime.InteropServices;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Writes files that are either whole or absent: to a temporary name, flushed to the disk, renamed. Whatever the moment
/// at which the process or the machine stops, the name holds the old content or the new one.
/// </summary>
/// <param name="open">
/// Creates a file from its path and expected size; the tests' way to a full disk. Null for the file system.
/// </param>
public sealed class DurableFiles(Func<string, long, Stream>? open = null)
{
    private const string TemporarySuffix = ".tmp";

    private readonly Func<string, long, Stream> _open = open ?? Create;

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
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: the folder cannot be made ({e.Message.TrimEnd('.')}); expected one that can be written to; "
                + "name another with --out.",
                e);
        }
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
        string temporary = path + TemporarySuffix;
        try
        {
            using (Stream stream = _open(temporary, sizeInBytes))
            {
                write(stream);
                Flush(stream);
            }

            File.Move(temporary, path, overwrite: true);
            FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new CheckpointException(
                $"{path}: cannot be written ({e.Message.TrimEnd('.')}); {Advice(e, path, sizeInBytes)}. "
                + "What was written before is untouched.",
                e);
        }
        catch
        {
            TryDelete(temporary); // the disk is not to blame: what was to be written could not be made
            throw;
        }
    }

    private static FileStream Create(string path, long sizeInBytes) => new(path, new FileStreamOptions
    {
        Mode = FileMode.Create,
        Access = FileAccess.Write,
        Share = FileShare.None,
        PreallocationSize = sizeInBytes,
        BufferSize = 1 << 16,
    });

    private static void Flush(Stream stream)
    {
        if (stream is FileStream file)
        {
            file.Flush(flushToDisk: true);
        }
        else
        {
            stream.Flush();
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder may be what cannot be written to. The next run cleans up.
        }
    }

    private static string Advice(Exception error, string path, long sizeInBytes) => error switch
    {
        DirectoryNotFoundException => "expected its folder to be there; make it again or name another with --out",
        UnauthorizedAccessException => "expected a folder that can be written to; name another with --out",
        _ => $"{sizeInBytes} bytes are needed{FreeSpace(path)}; free some space or name another folder with --out",
    };

    private static string FreeSpace(string path)
    {
        try
        {
            return $", {new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace} are free";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }

    // A rename lies in the folder, which has to reach the disk too. .NET has no call for it, and not every file system
    // allows it: then the rename becomes durable a little later, and a crash before that finds the previous file.
    private static void FlushFolder(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }

        int descriptor = Native.Open(folder, flags: 0);
        if (descriptor >= 0)
        {
            _ = Native.Sync(descriptor);
            _ = Native.Close(descriptor);
        }
    }

    private static class Native
    {
        [DllImport("libc", EntryPoint = "open")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

        [DllImport("libc", EntryPoint = "fsync")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Sync(int descriptor);

        [DllImport("libc", EntryPoint = "close")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Close(int descriptor);
    }
}
