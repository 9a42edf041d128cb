using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Opens folders of image files: one folder for each class, whose order is that of the classes, or all images in one
/// folder without labels.
/// </summary>
/// <remarks>
/// Where there are folders <c>train</c> and <c>val</c> (or <c>test</c>), these are the two parts. Images are those
/// named .jpg, .jpeg or .png; a class's images may lie in further folders below its own. Hidden files do not count.
/// </remarks>
public static class ImageFolder
{
    private static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 8,
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
    };

    /// <summary>Whether a folder holds images, or folders of images.</summary>
    public static bool IsPresent(string folder) => DatasetFolders.Guard(folder, () =>
    {
        string train = DatasetFolders.PartsOf(folder).Train;
        return Directory.EnumerateFiles(train, "*", Below).Any(file => DatasetFolders.IsImage(file));
    });

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="decoder">Makes pixels of the files.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    /// <exception cref="DatasetException">There are no images, or the parts do not fit together.</exception>
    /// <exception cref="InputException">They cannot be decoded here.</exception>
    public static DatasetSplits Open(string folder, IImageDecoder decoder, bool scales = true) =>
        DatasetFolders.Guard(folder, () =>
        {
            (string train, string? heldOut) = DatasetFolders.PartsOf(folder);
            string[]? classes = Directory.EnumerateFiles(train).Any(file => DatasetFolders.IsImage(file))
                ? null
                : ClassesOf(train);
            return new DatasetSplits(
                Open(train, classes, decoder, scales),
                heldOut is null ? null : Open(heldOut, classes, decoder, scales));
        });

    private static string[] ClassesOf(string folder) => DatasetFolders.Sorted(
        Directory.EnumerateDirectories(folder, "*", new EnumerationOptions()) // without hidden ones
            .Where(directory => Directory.EnumerateFiles(directory, "*", Below)
                .Any(file => DatasetFolders.IsImage(file)))
            .Select(directory => Path.GetFileName(directory)));

    private static EncodedDataset Open(string folder, string[]? classes, IImageDecoder decoder, bool scales)
    {
        var files = new List<string>();
        var labels = new List<int>();
        if (classes is null)
        {
            files.AddRange(Images(folder, "", new EnumerationOptions()));
        }
        else
        {
            if (ClassesOf(folder).Except(classes).FirstOrDefault() is { } unknown)
            {
                throw new DatasetException(
                    $"{Path.Combine(folder, unknown)}: there is no class of this name among the training images. " +
                    "Both parts must have folders of the same names.");
            }

            for (int label = 0; label < classes.Length; label++)
            {
                files.AddRange(Images(folder, classes[label], Below));
                labels.AddRange(Enumerable.Repeat(label, files.Count - labels.Count));
            }
        }

        if (files.Count == 0)
        {
            throw new DatasetException(
                $"{folder}: there are no images (.jpg, .jpeg, .png) where they were expected. Name another folder.");
        }

        DatasetFolders.RequireDecoder(decoder, files);
        return new EncodedDataset(
            folder, new Files(folder, [.. files], [.. labels]), classes?.Length ?? 0, classes, decoder, scales);
    }

    private static string[] Images(string folder, string name, EnumerationOptions options)
    {
        string path = Path.Combine(folder, name);
        return Directory.Exists(path)
            ? DatasetFolders.Sorted(Directory.EnumerateFiles(path, "*", options)
                .Where(file => DatasetFolders.IsImage(file))
                .Select(file => Path.GetRelativePath(folder, file)))
            : []; // a class without held-out images
    }

    private sealed class Files(string folder, string[] paths, int[] labels) : IEncodedImages
    {
        public int Count => paths.Length;

        public IReadOnlyList<int> ShardStarts => [0];

        public int Label(int index) => labels.Length == 0 ? -1 : labels[index];

        public string NameOf(int index) => Path.Combine(folder, paths[index]);

        public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch) =>
            EncodedFile.Read(NameOf(index), offset: 0, sizeInBytes: null, scratch);
    }
}
