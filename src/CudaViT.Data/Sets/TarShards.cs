using System.Globalization;
using System.Text;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Opens tar archives of images, as WebDataset writes them: <c>KEY.jpg</c> (or .jpeg, .png) and beside it
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
    /// <exception cref="DatasetException">An archive is damaged, or the labels are not complete.</exception>
    public static DatasetSplits OpenFolder(string folder, IImageDecoder decoder, bool scales = true)
    {
        (string[] train, string[] heldOut) = DatasetFolders.Guard(folder, () => PartsOf(folder));
        return Open(folder, train, heldOut, decoder, scales);
    }

    /// <summary>Opens one archive; nothing is held out.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    /// <exception cref="DatasetException">The archive is damaged, or its labels are not complete.</exception>
    public static DatasetSplits OpenFile(string path, IImageDecoder decoder, bool scales = true) =>
        Open(path, [path], [], decoder, scales);

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
        string name, string[] train, string[] heldOut, IImageDecoder decoder, bool scales)
    {
        Shards trainImages = Index(name, train);
        Shards? heldOutImages = heldOut.Length == 0 ? null : Index(name, heldOut);
        if (heldOutImages is not null && heldOutImages.Classes == 0 != (trainImages.Classes == 0))
        {
            throw new DatasetException(
                $"{name}: only one of the two parts has labels (KEY.cls). Put them into the archives of both, or of " +
                "none.");
        }

        DatasetFolders.RequireDecoder(decoder, trainImages.Names.Concat(heldOutImages?.Names ?? []));
        int classes = Math.Max(trainImages.Classes, heldOutImages?.Classes ?? 0);
        return new DatasetSplits(
            new EncodedDataset(name, trainImages, classes, classNames: null, decoder, scales),
            heldOutImages is null
                ? null
                : new EncodedDataset($"{name}, held out", heldOutImages, classes, classNames: null, decoder, scales));
    }

    private static Shards Index(string name, string[] paths)
    {
        var shards = new Shards(paths);
        for (int shard = 0; shard < paths.Length; shard++)
        {
            shards.BeginShard();
            foreach (List<TarEntry> sample in Adjacent(TarFile.List(paths[shard])))
            {
                int image = sample.FindIndex(entry => DatasetFolders.IsImageExtension(ExtensionOf(entry.Name)));
                int label = sample.FindIndex(entry => ExtensionOf(entry.Name) == "cls");
                if (image >= 0)
                {
                    shards.Add(shard, sample[image], label < 0 ? -1 : ReadLabel(paths[shard], sample[label]));
                }
            }
        }

        return shards.Count == 0
            ? throw new DatasetException(
                $"{name}: there are no images (KEY.jpg, KEY.jpeg, KEY.png) in the archives. Name others.")
            : shards.IsPartlyLabelled
                ? throw new DatasetException(
                    $"{name}: some images have a label (KEY.cls) and others, for example {shards.FirstUnlabelled}, " +
                    "have none. All must have one, or none.")
                : shards;
    }

    // Groups files that follow each other and have the same key.
    private static IEnumerable<List<TarEntry>> Adjacent(List<TarEntry> entries)
    {
        int start = 0;
        for (int i = 1; i <= entries.Count; i++)
        {
            if (i == entries.Count || KeyOf(entries[i].Name) != KeyOf(entries[start].Name))
            {
                yield return entries[start..i];
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

    private sealed class Shards(string[] paths) : IEncodedImages
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

        public IEnumerable<string> Names => _images.Select(image => image.Entry.Name);

        public int Label(int index) => _images[index].Label;

        public string NameOf(int index) => $"{paths[_images[index].Shard]}/{_images[index].Entry.Name}";

        public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch)
        {
            (int shard, TarEntry entry, _) = _images[index];
            return EncodedFile.Read(paths[shard], entry.Offset, entry.SizeInBytes, scratch);
        }
    }
}
