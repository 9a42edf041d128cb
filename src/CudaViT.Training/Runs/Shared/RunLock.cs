using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// One process's hold on a folder: the file <c>run.lock</c> in it, which the operating system keeps locked as long as
/// the process lives, however it ends.
/// </summary>
/// <remarks>
/// What counts is the lock, never the file: one that a killed process left is taken over. On Linux and macOS the lock
/// is <c>flock</c>, which Linux extends over NFS to all machines that mount the folder; on Windows it is the share
/// mode. The file's content is for the message that others get. The owner removes the file at the end, while it still
/// holds the lock; whoever had opened it by then finds on reading the path back that it holds a file that is gone, and
/// tries again.
/// </remarks>
internal sealed class RunLock : IDisposable
{
    /// <summary>Name of the file in the folder.</summary>
    public const string FileName = "run.lock";

    // A file that is removed between opening and locking is met once, not a hundred times.
    private const int Attempts = 100;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly FileStream _file;
    private readonly List<string> _made;

    private RunLock(FileStream file, List<string> made, bool isHeld) =>
        (_file, _made, IsHeld) = (file, made, isHeld);

    /// <summary>
    /// Whether the file system locks files at all; some network mounts do not, and then nobody is kept out.
    /// </summary>
    public bool IsHeld { get; }

    /// <summary>Takes the lock. A folder that does not exist is made.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="RunException">Another process has it, or the folder cannot be made or written to.</exception>
    public static RunLock Take(string folder)
    {
        string path = Path.Combine(folder, FileName);
        var made = new List<string>();
        try
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                NoteMissing(folder, made);
                Directory.CreateDirectory(folder);
                if (TryTake(path, made) is { } taken)
                {
                    return taken;
                }
            }

            throw new IOException("the file run.lock is removed again and again");
        }
        catch (IOException e) when (IsHeldByOther(e))
        {
            throw new RunException(
                $"{folder}: {Describe(path)} is at work in this folder; expected a folder that nobody else writes to; "
                + "wait until it has ended, stop it, or name another folder with --out.",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RemoveEmpty(made);
            throw new RunException(
                $"{folder}: the folder cannot be made or written to ({e.Message.TrimEnd('.')}); expected one that can "
                + "be; correct --out, or what is in its way.",
                e);
        }
    }

    /// <summary>
    /// Removes the file, gives the lock back, and removes the folder if it was made for this and is empty.
    /// </summary>
    public void Dispose()
    {
        if (!OperatingSystem.IsWindows())
        {
            TryDelete(_file.Name); // while it is locked
        }

        _file.Dispose();
        if (OperatingSystem.IsWindows())
        {
            TryDelete(_file.Name); // an open file cannot be removed there, nor one that another has opened meanwhile
        }

        RemoveEmpty(_made);
    }

    // Null where the file, or its folder, was removed by the owner before: another attempt makes a new one.
    private static RunLock? TryTake(string path, List<string> made)
    {
        FileStream? file = null;
        try
        {
            // Elsewhere the share mode is the lock; there, it has to let others read who has it.
            FileShare share = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None;
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, bufferSize: 0);
            bool isHeld = OperatingSystem.IsWindows() || Native.Lock(file);
            byte[] owner = JsonSerializer.SerializeToUtf8Bytes(Owner.Own(), Json);
            file.SetLength(0);
            file.Write(owner);
            if (!ReadShared(path).AsSpan().SequenceEqual(owner))
            {
                return null;
            }

            var taken = new RunLock(file, made, isHeld);
            file = null;
            return taken;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }

    // The errors of flock (EWOULDBLOCK, which differs from system to system) and of sharing on Windows.
    private static bool IsHeldByOther(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xffff) is 32 or 33
        : e.HResult == Native.WouldBlock;

    private static string Describe(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Owner>(ReadShared(path), Json) is { Host: not null } owner
                ? owner.ToString()
                : "another process";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return "another process"; // it has only just begun, or is about to end
        }
    }

    // Opened so that the lock does not matter.
    private static byte[] ReadShared(string path)
    {
        using FileStream stream = OperatingSystem.IsWindows()
            ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
            : Native.OpenToRead(path);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    // The deepest first: that order they can be removed in.
    private static void NoteMissing(string folder, List<string> made)
    {
        for (string? path = Path.GetFullPath(folder); path is not null; path = Path.GetDirectoryName(path))
        {
            if (Directory.Exists(path) || made.Contains(path))
            {
                return;
            }

            made.Add(path);
        }
    }

    private static void RemoveEmpty(List<string> made)
    {
        foreach (string path in made)
        {
            try
            {
                Directory.Delete(path); // refuses where there is anything
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return;
            }
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
            // A file without a lock is in nobody's way.
        }
    }

    /// <summary>Who has the folder, for others to read.</summary>
    /// <param name="Process">Number of the process on its machine.</param>
    /// <param name="Program">Its program and command.</param>
    /// <param name="Host">Name of the machine.</param>
    /// <param name="Since">When it took the lock.</param>
    /// <param name="Token">Tells this hold on the folder from every other one.</param>
    private sealed record Owner(int Process, string Program, string Host, string Since, string Token)
    {
        public static Owner Own() => new(
            Environment.ProcessId,
            ProgramName(),
            Environment.MachineName,
            DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture),
            Guid.NewGuid().ToString("n"));

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{Program} (process {Process} on {Host}, since {Since})");

        private static string ProgramName()
        {
            string[] arguments = Environment.GetCommandLineArgs();
            string program = Path.GetFileNameWithoutExtension(arguments[0]);
            return arguments.Length > 1 && !arguments[1].StartsWith('-') ? $"{program} {arguments[1]}" : program;
        }
    }

    private static class Native
    {
        private const int Exclusive = 2;
        private const int DoNotWait = 4;
        private const int ReadOnly = 0;

        /// <summary>What <c>flock</c> says of a file that another process has locked.</summary>
        public static int WouldBlock => OperatingSystem.IsMacOS() ? 35 : 11;

        /// <summary>
        /// Asks for the lock that opening the file has asked for already: .NET passes over a file system that refuses.
        /// </summary>
        public static bool Lock(FileStream file)
        {
            if (Flock(file.SafeFileHandle, Exclusive | DoNotWait) == 0)
            {
                return true;
            }

            int error = Marshal.GetLastPInvokeError();
            return error != WouldBlock
                ? false
                : throw new IOException("another process has locked the file", WouldBlock);
        }

        public static FileStream OpenToRead(string path)
        {
            int descriptor = Open(path, ReadOnly);
            return descriptor >= 0
                ? new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.Read)
                : throw new FileNotFoundException($"{path} cannot be opened");
        }

        [DllImport("libc", EntryPoint = "flock", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Flock(SafeHandle file, int operation);

        [DllImport("libc", EntryPoint = "open")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
    }
}
