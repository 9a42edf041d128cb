using System.Globalization;
using System.Text;
using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Opens tar archives of images, as WebDataset writes them: <c>KEY.jpg</c> (or .png, .webp, ...) and beside it
/// <c>KEY.cls</c> with the number of its class. Images are read where they lie; nothing is unpacked.
/// </summary>
/// <remarks>
/// In a folder, archives named train* are to train on and those named val* or test* are held out; so are those in
/// folders of these names; where no name says so, all are to train on. The files of a key follow each other, and those
/// of other kinds are passed over.
/// </remarks>
public static class TarShards
{
    private const int MaxClasses = 1_000_000;
    private const int MaxLabelSize = 20;

    /// <summary>Whether a folder holds such archives.</summary>
    public static bool IsPresent(string folder) =>
        DatasetFolders.Guard(folder, () => Find(DatasetFolders.PartsOf(folder).Train, "*").Length > 0);

    /// <summary>Opens the archives of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    /// <param name="progress">Is told how many archives were listed.</param>
    /// <param name="stop">Asks to give up.</param>
    /// <exception cref="DatasetException">An archive is damaged, or the labels are not complete.</exception>
    public static DatasetSplits OpenFolder(
        string folder,
        IImageDecoder decoder,
        bool scales = true,
        IWorkProgress? progress = null,
        CancellationToken stop = default)
    {
        (string[] train, string[] heldOut) = DatasetFolders.Guard(folder, () => PartsOf(folder));
        return Open(folder, train, heldOut, decoder, scales, progress, stop);
    }

    /// <summary>Opens one archive; nothing is held out.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    /// <param name="progress">Is told how many archives were listed.</param>
    /// <param name="stop">Asks to give up.</param>
    /// <exception cref="DatasetException">The archive is damaged, or its labels are not complete.</exception>
    public static DatasetSplits OpenFile(
        string path,
        IImageDecoder decoder,
        bool scales = true,
        IWorkProgress? progress = null,
        CancellationToken stop = default) => Open(path, [path], [], decoder, scales, progress, stop);

    private static (string[] Train, string[] HeldOut) PartsOf(string folder)
    {
        (string train, string? heldOut) = DatasetFolders.PartsOf(folder);
        if (train != folder)
        {
            return (Find(train, "*"), heldOut is null ? [] : Find(heldOut, "*"));
        }

        string[] trainFiles = Find(folder, DatasetFolders.Train);
        return trainFiles.Length == 0
            ? (Find(folder, "*"), [])
            : (trainFiles, DatasetFolders.HeldOut
                .Select(name => Find(folder, name))
                .FirstOrDefault(files => files.Length > 0, []));
    }

    private static string[] Find(string folder, string prefix) =>
        DatasetFolders.Sorted(Directory.EnumerateFiles(folder, prefix == "*" ? "*.tar" : $"{prefix}*.tar"));

    private static DatasetSplits Open(
        string name,
        string[] train,
        string[] heldOut,
        IImageDecoder decoder,
        bool scales,
        IWorkProgress? progress,
        CancellationToken stop)
    {
        Shards trainImages = Index(name, train, decoder, progress, stop);
        Shards? heldOutImages = heldOut.Length == 0 ? null : Index(name, heldOut, decoder, progress, stop);
        if (heldOutImages is not null && heldOutImages.Classes == 0 != (trainImages.Classes == 0))
        {
            throw new DatasetException(
                $"{name}: only one of the two parts has labels (KEY.cls). Put them into the archives of both, or of " +
                "none.");
        }

        foreach (ImageFormat format in trainImages.Formats.Concat(heldOutImages?.Formats ?? []).Distinct())
        {
            decoder.Require(format);
        }

        int classes = Math.Max(trainImages.Classes, heldOutImages?.Classes ?? 0);
        return new DatasetSplits(
            new EncodedDataset(name, trainImages, classes, classNames: null, decoder, scales),
            heldOutImages is null
                ? null
                : new EncodedDataset($"{name}, held out", heldOutImages, classes, classNames: null, decoder, scales))
        {
            Summary = Summary(
                trainImages.Count + (heldOutImages?.Count ?? 0),
                train.Length + heldOut.Length,
                heldOutImages is null ? [trainImages] : [trainImages, heldOutImages]),
        };
    }

    private static string Summary(int images, int archives, Shards[] parts)
    {
        var leftOut = new LeftOut();
        foreach (Shards part in parts)
        {
            leftOut.Add(part.LeftOut);
        }

        string counts = string.Create(
            CultureInfo.InvariantCulture,
            $"{images:n0} image{(images == 1 ? "" : "s")} in {archives:n0} archive{(archives == 1 ? "" : "s")}");
        string cut = string.Concat(parts.SelectMany(part => part.Cut).Select(
            archive => $"; {archive}, so what should follow is missing: copy it again"));
        return counts + (leftOut.IsEmpty ? "" : $"; left out: {leftOut}") + cut;
    }

    private static Shards Index(
        string name, string[] paths, IImageDecoder decoder, IWorkProgress? progress, CancellationToken stop)
    {
        var shards = new Shards(name, paths);
        for (int shard = 0; shard < paths.Length; shard++)
        {
            stop.ThrowIfCancellationRequested();
            progress?.OnAdvance((double)shard / paths.Length, $"listing {paths[shard]}");
            shards.BeginShard();
            TarListing listing = TarFile.List(paths[shard]);
            shards.Note(shard, listing);
            var unlabelled = new HashSet<string>();
            var labelsAlone = new HashSet<string>();
            foreach (List<TarEntry> sample in Adjacent(listing.Entries))
            {
                int image = sample.FindIndex(entry =>
                    ImageFormats.OfExtension(ExtensionOf(entry.Name)) is { } format && decoder.Knows(format));
                int label = sample.FindIndex(entry => ExtensionOf(entry.Name) == "cls");
                if (image >= 0)
                {
                    shards.Add(shard, sample[image], label < 0 ? -1 : ReadLabel(paths[shard], sample[label]));
                }
                else
                {
                    shards.LeaveOut(sample.Select(entry => entry.Name));
                }

                if (image >= 0 != label >= 0)
                {
                    (image >= 0 ? unlabelled : labelsAlone).Add(KeyOf(sample[0].Name));
                }
            }

            if (unlabelled.FirstOrDefault(labelsAlone.Contains) is { } key)
            {
                throw new DatasetException(
                    $"{paths[shard]}: the image and the label of {key} are not next to each other, but the files of a "
                    + "sample must be (KEY.jpg, KEY.cls, then the next). Write the archive again, sorted by name.");
            }
        }

        return shards.Count == 0
            ? throw new DatasetException(
                $"{name}: there are no images (KEY.jpg, KEY.png, ...) in the archives"
                + $"{(shards.LeftOut.IsEmpty ? "" : $"; left out: {shards.LeftOut}")}. Name others.")
            : shards.IsPartlyLabelled
                ? throw new DatasetException(
                    $"{name}: some images have a label (KEY.cls) and others, for example {shards.FirstUnlabelled}, " +
                    "have none. All must have one, or none.")
                : shards;
    }

    // Groups files that follow each other and have the same key.
    private static IEnumerable<List<TarEntry>> Adjacent(IReadOnlyList<TarEntry> entries)
    {
        int start = 0;
        for (int i = 1; i <= entries.Count; i++)
        {
            if (i == entries.Count || KeyOf(entries[i].Name) != KeyOf(entries[start].Name))
            {
                yield return [.. entries.Skip(start).Take(i - start)];
                start = i;
            }
        }
    }

    // Up to the first dot of the file's own name, folders included; what follows is the extension.
    private static string KeyOf(string name)
    {
        int dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        return dot < 0 ? name : name[..dot];
    }

    private static string ExtensionOf(string name) => name[Math.Min(KeyOf(name).Length + 1, name.Length)..];

    private static int ReadLabel(string path, TarEntry entry)
    {
        if (entry.SizeInBytes <= MaxLabelSize)
        {
            ReadOnlySpan<byte> content = DatasetFolders.Guard(
                path, () => EncodedFile.Read(path, entry.Offset, entry.SizeInBytes, new ImageBuffer()).ToArray());
            if (int.TryParse(
                Encoding.UTF8.GetString(content).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int label)
                && label < MaxClasses)
            {
                return label;
            }
        }

        throw new DatasetException(
            $"{path}: {entry.Name} is not the number of a class, from 0 to {MaxClasses - 1}. Write plain digits.");
    }

    private sealed class Shards(string name, string[] paths) : IEncodedImages
    {
        private readonly List<(int Shard, TarEntry Entry, int Label)> _images = [];
        private readonly List<int> _starts = [];

        public int Count => _images.Count;

        public int Classes { get; private set; }

        public bool IsPartlyLabelled => Classes > 0 && FirstUnlabelled is not null;

        public string? FirstUnlabelled { get; private set; }

        // Shards without images do not count.
        public IReadOnlyList<int> ShardStarts => [.. _starts.Distinct().Where(start => start < Count)];

        public void BeginShard() => _starts.Add(Count);

        public void Add(int shard, TarEntry image, int label)
        {
            _images.Add((shard, image, label));
            Classes = Math.Max(Classes, label + 1);
            if (label < 0)
            {
                FirstUnlabelled ??= image.Name;
            }
        }

        public IEnumerable<ImageFormat> Formats =>
            _images.Select(image => ImageFormats.OfExtension(ExtensionOf(image.Entry.Name))).OfType<ImageFormat>();

        public LeftOut LeftOut { get; } = new();

        /// <summary>Archives that seem to have been cut off, and how.</summary>
        public List<string> Cut { get; } = [];

        public void Note(int shard, TarListing listing)
        {
            foreach (string link in listing.Links.Where(IsImage))
            {
                LeftOut.Add("link in an archive", link, many: "links in archives");
            }

            if (listing.Cut is { } how)
            {
                Cut.Add($"{paths[shard]} {how}");
            }
        }

        public void LeaveOut(IEnumerable<string> names)
        {
            if (names.FirstOrDefault(IsImage) is { } image)
            {
                LeftOut.Add($".{ExtensionOf(image)}", image);
            }
        }

        public int Label(int index) => _images[index].Label;

        public string NameOf(int index) => $"{ArchiveName(index)}/{_images[index].Entry.Name}";

        public string PathOf(int index) => $"{paths[_images[index].Shard]}/{_images[index].Entry.Name}";

        public long SizeOf(int index) => _images[index].Entry.SizeInBytes;

        private static bool IsImage(string entry) => ImageFormats.OfExtension(ExtensionOf(entry)) is not null;

        // Below the folder of the data; a single archive is named by its own name.
        private string ArchiveName(int index)
        {
            string path = paths[_images[index].Shard];
            return path == name
                ? Path.GetFileName(path)
                : Path.GetRelativePath(name, path).Replace(Path.DirectorySeparatorChar, '/');
        }

        public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch)
        {
            (int shard, TarEntry entry, _) = _images[index];
            return EncodedFile.Read(paths[shard], entry.Offset, entry.SizeInBytes, scratch);
        }
    }
}
