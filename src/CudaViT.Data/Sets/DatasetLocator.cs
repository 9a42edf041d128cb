using CudaViT.Core;
using Microsoft.Win32.SafeHandles;

namespace CudaViT.Data.Sets;

/// <summary>Finds the data set that <c>--data</c> means.</summary>
public static class DatasetLocator
{
    /// <summary>The name of the images that come with the program; also the default.</summary>
    public const string FashionSubset = "fashion-subset";

    private const string Expected =
        "a folder of images, of tar archives, or of IDX or CIFAR files, one such archive or file, or " + FashionSubset;

    /// <summary>Opens a data set as it is.</summary>
    /// <param name="data">See <see cref="DatasetRequest.Path"/>.</param>
    /// <param name="limit">See <see cref="DatasetRequest.Limit"/>.</param>
    /// <param name="decoder">See <see cref="DatasetRequest.Decoder"/>.</param>
    /// <param name="scales">See <see cref="DatasetRequest.Scales"/>.</param>
    /// <exception cref="DatasetException">There is no such data set, or it is malformed.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="limit"/> is zero or negative.</exception>
    public static DatasetSplits Open(
        string? data, int? limit = null, IImageDecoder? decoder = null, bool scales = true) =>
        Find(new DatasetRequest { Path = data, Limit = limit, Decoder = decoder, Scales = scales });

    /// <summary>Opens a data set as it is asked for.</summary>
    /// <exception cref="DatasetException">There is no such data set, it is malformed, or not as asked for.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is zero or negative.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop.</exception>
    public static DatasetSplits Find(DatasetRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Limit is { } count)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count, nameof(request));
        }

        DatasetSplits splits = request.Path is null or FashionSubset
            ? new DatasetSplits(FashionMnistSubset.Train, FashionMnistSubset.HeldOut)
            : OpenPath(request.Path, request);
        if (request.HoldOut is { } share)
        {
            splits = HoldOut.Split(splits, share);
        }

        return request.Limit < splits.Train.Count
            ? splits with { Train = new DatasetSubset(splits.Train, request.Limit.Value) }
            : splits;
    }

    /// <summary>Whether <c>--data</c> means images that have to be decoded, and not pixels.</summary>
    public static bool HasImageFiles(string? data) => data is not (null or FashionSubset)
        && (Directory.Exists(data)
            ? !IdxDataset.IsPresent(data) && !CifarDataset.IsPresent(data)
            : File.Exists(data) && DatasetFolders.Guard(data, () => TarFile.IsTar(data)));

    private static DatasetSplits OpenPath(string path, DatasetRequest request)
    {
        bool isFile = File.Exists(path);
        if (!isFile && !Directory.Exists(path))
        {
            throw new DatasetException(
                $"{path}: there is no such file or folder{Suggestion(path)}. Name {Expected}.");
        }

        if (request.Labels is { } labels && (isFile || !MayBeImages(path)))
        {
            throw new DatasetException(
                $"{path}: --labels is {labels}, but that is a choice for folders of image files; other data have their "
                + "labels with them. Leave the option away.");
        }

        return isFile ? OpenFile(path, request)
            : IdxDataset.IsPresent(path) ? IdxDataset.OpenFolder(path)
            : CifarDataset.IsPresent(path) ? CifarDataset.OpenFolder(path)
            : TarShards.IsPresent(path)
                ? TarShards.OpenFolder(path, Decoder(request), request.Scales, request.Progress, request.Stop)
            : OpenFolder(path, request);
    }

    private static bool MayBeImages(string folder) =>
        !IdxDataset.IsPresent(folder) && !CifarDataset.IsPresent(folder) && !TarShards.IsPresent(folder);

    private static DatasetSplits OpenFile(string path, DatasetRequest request)
    {
        if (IdxFile.PeekMagic(path) is IdxFile.ImagesMagic or IdxFile.LabelsMagic)
        {
            return IdxDataset.OpenFile(path);
        }

        if (DatasetFolders.Guard(path, () => TarFile.IsTar(path)))
        {
            return TarShards.OpenFile(path, Decoder(request), request.Scales, request.Progress, request.Stop);
        }

        string? mistake = DatasetFolders.Guard(path, () => Mistake(path));
        return mistake is null
            ? CifarDataset.OpenFile(path)
            : throw new DatasetException($"{path}: {mistake}. Expected {Expected}.");
    }

    // What people name by mistake, known by its first bytes; null for anything else.
    private static string? Mistake(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        byte[] start = new byte[ImageFormats.SniffedBytes];
        start = start[..RandomAccess.Read(file, start, fileOffset: 0)];
        return ImageFormats.OfContent(start) is not null ? "this is a single image; name the folder that it lies in"
            : start is [0x1F, 0x8B, ..] ? "this is a compressed file, but not one of IDX; unpack it and name the result"
            : start is [(byte)'P', (byte)'K', 3, 4, ..] ? "this is a zip archive; unpack it and name the folder"
            : null;
    }

    private static DatasetSplits OpenFolder(string path, DatasetRequest request)
    {
        var scan = FolderScan.Of(path, request.Decoder, request.Progress, request.Stop);
        return scan.Images.Count > 0
            ? ImageFolder.Open(path, scan, request.Labels, Decoder(request), request.Scales)
            : throw new DatasetException(
                $"{path}: the folder holds neither images (.jpg, .png, ...), in it or below, nor tar archives of them, "
                + "nor train-images-idx3-ubyte[.gz], nor the binary files of CIFAR-10 or CIFAR-100"
                + $"{(scan.LeftOut.IsEmpty ? "" : $"; there are {scan.LeftOut}")}. "
                + $"Name the folder that holds them, or {FashionSubset}.");
    }

    private static IImageDecoder Decoder(DatasetRequest request) => request.Decoder
        ?? throw new DatasetException(
            $"{request.Path}: there is no decoder for image files. Pass one to open them.");

    private static string Suggestion(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        string folder = Path.GetDirectoryName(full) ?? full;
        if (!Directory.Exists(folder))
        {
            return $", nor is there a folder {folder}";
        }

        string name = Path.GetFileName(full);
        string? near = Spelling.Nearest(
            name,
            [FashionSubset, .. DatasetFolders.Guard(folder, () =>
                Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)).ToArray())]);
        return near is null ? "" : $" (did you mean '{(near == FashionSubset ? near : Path.Combine(folder, near))}'?)";
    }
}

/// <summary>What to open as a data set, and how.</summary>
public sealed record DatasetRequest
{
    /// <summary>
    /// Null or <see cref="DatasetLocator.FashionSubset"/>; or a folder of images, of tar archives, or of IDX or CIFAR
    /// files; or one such file. What a file is shows in its content.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>
    /// Where the classes of a folder of images come from: <c>folders</c>, those directly below each part; <c>none</c>,
    /// no classes; or the path of a text file with lines <c>NAME,CLASS</c>. Null for folders where there are some, with
    /// few images beside them.
    /// </summary>
    public string? Labels { get; init; }

    /// <summary>
    /// Share of the images to hold out, above 0 and below 1, chosen by a hash of their names; null for none beside the
    /// part that the data have of their own.
    /// </summary>
    public double? HoldOut { get; init; }

    /// <summary>Train on at most this many images, spread evenly over the data set; null for all.</summary>
    public int? Limit { get; init; }

    /// <summary>Decodes image files; null if there will be none.</summary>
    public IImageDecoder? Decoder { get; init; }

    /// <summary>Whether to decode images at a smaller size where that is enough.</summary>
    public bool Scales { get; init; } = true;

    /// <summary>Is told how far the search through folders and archives is.</summary>
    public IWorkProgress? Progress { get; init; }

    /// <summary>Asks to give the search up.</summary>
    public CancellationToken Stop { get; init; }
}

/// <summary>The two parts of a data set.</summary>
/// <param name="Train">What to learn from.</param>
/// <param name="HeldOut">What to judge by, with the same classes; null if the source has no such part.</param>
public sealed record DatasetSplits(IImageDataset Train, IImageDataset? HeldOut)
{
    /// <summary>
    /// One line about the files: how many images there are in how many folders or archives, and what was left out; null
    /// where nothing needs to be said.
    /// </summary>
    public string? Summary { get; init; }
}
