using System.Runtime.InteropServices;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// The file system, as far as it takes part in what must survive a crash. Tests put a full disk, a broken one or a
/// recorder of the order of calls in its place.
/// </summary>
public class FileLayer
{
    private const int WriteBufferInBytes = 1 << 16;

    /// <summary>Creates or empties a file for writing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="sizeInBytes">Bytes to reserve, so that a full disk shows at once.</param>
    public virtual Stream Create(string path, long sizeInBytes) => new FileStream(path, new FileStreamOptions
    {
        Mode = FileMode.Create,
        Access = FileAccess.Write,
        Share = FileShare.None,
        PreallocationSize = sizeInBytes,
        BufferSize = WriteBufferInBytes,
    });

    /// <summary>
    /// Opens a file, which may be missing, for writing at its end. Others can read meanwhile, and nothing is buffered.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="keptBytes">Its first bytes, which stay; all others go.</param>
    public virtual Stream Append(string path, long keptBytes)
    {
        var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        stream.SetLength(keptBytes);
        stream.Seek(0, SeekOrigin.End);
        return stream;
    }

    /// <summary>Opens a file for reading.</summary>
    public virtual Stream Read(string path) => File.OpenRead(path);

    /// <summary>Brings what was written to a file to the disk.</summary>
    public virtual void Flush(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (stream is FileStream file)
        {
            file.Flush(flushToDisk: true);
        }
        else
        {
            stream.Flush();
        }
    }

    /// <summary>Gives a file another name, in place of the file that has it, if there is one.</summary>
    public virtual void Move(string path, string newPath) => File.Move(path, newPath, overwrite: true);

    /// <summary>Removes a file; there need be none.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    /// <summary>Brings names in a folder to the disk: of files that were made, renamed or removed.</summary>
    /// <returns>
    /// Whether that was done. .NET has no call for it, and not every system allows it: there, names become durable a
    /// little later, and a crash before that finds the previous ones.
    /// </returns>
    public virtual bool FlushFolder(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return false;
        }

        int descriptor = Native.Open(folder, flags: 0);
        if (descriptor < 0)
        {
            return false;
        }

        bool isDone = Native.Sync(descriptor) == 0;
        _ = Native.Close(descriptor);
        return isDone;
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
