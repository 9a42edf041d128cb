using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using CudaViT.Core;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Data.Sets;

/// <summary>
/// Everything below a folder that may be an image: files whose name ends as an image's does, and those of other names
/// that begin as an image does. Links are followed, except those that lead back to where they are; hidden files and
/// folders do not count.
/// </summary>
internal sealed class FolderScan
{
    private const int Triers = 16;           // files of an extension, no image among them, before it is given up
    private const int BetweenReports = 1000; // files, some milliseconds

    private static readonly EnumerationOptions Visible = new()
    {
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        IgnoreInaccessible = false, // photographs must not go missing without a word
    };

    private readonly string _folder;
    private readonly IImageDecoder? _decoder;
    private readonly IWorkProgress? _progress;
    private readonly CancellationToken _stop;
    private readonly List<FoundImage> _images = [];
    private readonly Dictionary<string, int> _misses = new(StringComparer.OrdinalIgnoreCase); // -1: some are images
    private int _seen;

    private FolderScan(string folder, IImageDecoder? decoder, IWorkProgress? progress, CancellationToken stop) =>
        (_folder, _decoder, _progress, _stop) = (folder, decoder, progress, stop);

    /// <summary>The images that the decoder is made for, in no particular order.</summary>
    public IReadOnlyList<FoundImage> Images => _images;

    /// <summary>Images of other formats, links that lead nowhere or back, and folders that may not be read.</summary>
    public LeftOut LeftOut { get; } = new();

    /// <summary>Looks through a folder and all folders below.</summary>
    /// <param name="folder">Where to begin.</param>
    /// <param name="decoder">Says which formats count; null for any.</param>
    /// <param name="progress">Is told how many files were seen.</param>
    /// <param name="stop">Asks to give up.</param>
    /// <exception cref="DatasetException">The folder itself cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop.</exception>
    public static FolderScan Of(
        string folder, IImageDecoder? decoder, IWorkProgress? progress = null, CancellationToken stop = default)
    {
        var scan = new FolderScan(folder, decoder, progress, stop);
        DatasetFolders.Guard(folder, () =>
        {
            string place = RealPath(Path.GetFullPath(folder));
            scan.Walk(new DirectoryInfo(place), "", [place]);
            return true;
        });
        return scan;
    }

    // What was entered: the folder scanned and then the target of each link followed, all without links in them.
    private void Walk(DirectoryInfo directory, string name, IReadOnlyList<string> entered)
    {
        _stop.ThrowIfCancellationRequested();
        List<FileSystemInfo> content = [.. directory.EnumerateFileSystemInfos("*", Visible)];
        content.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        foreach (FileSystemInfo entry in content)
        {
            if (entry.Name[0] == '.')
            {
                continue; // hidden by its name, on systems that hide by an attribute, too
            }

            string path = name == "" ? entry.Name : $"{name}/{entry.Name}";
            if (entry is DirectoryInfo below)
            {
                Enter(below, path, entered);
            }
            else
            {
                Look((FileInfo)entry, path);
            }
        }
    }

    private void Enter(DirectoryInfo directory, string path, IReadOnlyList<string> entered)
    {
        IReadOnlyList<string> inside = [.. entered.SkipLast(1), Path.Combine(entered[^1], directory.Name)];
        if (directory.Attributes.HasFlag(FileAttributes.ReparsePoint)
            && directory.ResolveLinkTarget(returnFinalTarget: true) is { } link)
        {
            string target = RealPath(link.FullName);
            if (entered.Any(place => IsWithin(place, target)))
            {
                LeftOut.Add("link that leads back", path, many: "links that lead back");
                return;
            }

            inside = [.. entered, target];
            directory = new DirectoryInfo(target); // links within it are relative to where it really is
        }

        try
        {
            Walk(directory, path, inside);
        }
        catch (UnauthorizedAccessException)
        {
            LeftOut.Add("folder that may not be read", path, many: "folders that may not be read");
        }
    }

    private void Look(FileInfo file, string path)
    {
        if (++_seen % BetweenReports == 0)
        {
            _stop.ThrowIfCancellationRequested();
            _progress?.OnAdvance(0, string.Create(CultureInfo.InvariantCulture, $"{_folder}: {_seen:n0} files seen"));
        }

        ImageFormat? format = ImageFormats.OfName(file.Name);
        long? size = SizeOf(file);
        if (size is null)
        {
            if (format is not null)
            {
                LeftOut.Add("link to nothing", path, many: "links to nothing");
            }

            return;
        }

        format ??= Sniff(file);
        if (format is { } known && _decoder?.Knows(known) != false)
        {
            _images.Add(new FoundImage(path, size.Value, known));
        }
        else if (format is not null)
        {
            LeftOut.Add(file.Extension == "" ? "of a format that is not read" : Lower(file.Extension), path);
        }
    }

    // Of what a link leads to, if it is one; null where that is nothing.
    private static long? SizeOf(FileInfo file)
    {
        if (!file.Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            return file.Length;
        }

        try
        {
            return file.ResolveLinkTarget(returnFinalTarget: true) switch
            {
                FileInfo { Exists: true } target => target.Length,
                null => file.Length, // not a link, but stored in a special way, as in a cloud
                _ => null,
            };
        }
        catch (IOException)
        {
            return null; // links in a circle
        }
    }

    // Folders of images often hold texts beside each of them: after some of a kind, the rest is taken to be the same.
    private ImageFormat? Sniff(FileInfo file)
    {
        int misses = _misses.GetValueOrDefault(file.Extension);
        if (misses == Triers)
        {
            return null;
        }

        ImageFormat? format = null;
        try
        {
            Span<byte> start = stackalloc byte[ImageFormats.SniffedBytes];
            if (file.Length == 0)
            {
                return null; // a pipe, among others: opening it would wait for somebody who writes
            }

            using SafeFileHandle handle = File.OpenHandle(file.FullName);
            format = ImageFormats.OfContent(start[..RandomAccess.Read(handle, start, fileOffset: 0)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // What it is cannot be known, and its name does not say that it is an image.
        }

        _misses[file.Extension] = format is not null || misses < 0 ? -1 : misses + 1;
        return format;
    }

    [SuppressMessage("Globalization", "CA1308", Justification = "For people to read.")]
    private static string Lower(string extension) => extension.ToLowerInvariant();

    private static bool IsWithin(string place, string folder) =>
        place == folder || place.StartsWith(Path.EndsInDirectorySeparator(folder)
            ? folder
            : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    // Without links in any part of it.
    private static string RealPath(string path)
    {
        string real = Path.GetPathRoot(path)!;
        foreach (string part in path[real.Length..].Split(
            Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            real = Path.Combine(real, part);
            if (new DirectoryInfo(real).ResolveLinkTarget(returnFinalTarget: true) is { } target)
            {
                real = RealPath(target.FullName);
            }
        }

        return real;
    }
}

/// <summary>A file that is an image by its name or its first bytes.</summary>
/// <param name="Path">Below the folder scanned, with <c>/</c> between names.</param>
/// <param name="SizeInBytes">Its size.</param>
/// <param name="Format">What its name says, or else its content.</param>
internal readonly record struct FoundImage(string Path, long SizeInBytes, ImageFormat Format)
{
    /// <summary>The first folder of a path below a prefix; empty for a file that lies there itself.</summary>
    /// <param name="prefix">A folder and <c>/</c>, or empty; <see cref="Path"/> begins with it.</param>
    public string FolderBelow(string prefix)
    {
        int end = Path.IndexOf('/', prefix.Length);
        return end < 0 ? "" : Path[prefix.Length..end];
    }
}
