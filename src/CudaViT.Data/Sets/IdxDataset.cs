using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Opens the MNIST-like data sets that are made of IDX files.</summary>
public static class IdxDataset
{
    private const string TrainPrefix = "train";
    private const string HeldOutPrefix = "t10k";

    // The two spellings in use, each with and without compression.
    private static readonly string[] ImageSuffixes = Suffixes("images", 3);

    /// <summary>Whether a folder holds the training images of such a data set.</summary>
    public static bool IsPresent(string folder) => Find(folder, TrainPrefix) is not null;

    /// <summary>
    /// Opens <c>train-images-idx3-ubyte[.gz]</c>, <c>t10k-images-idx3-ubyte[.gz]</c> and their labels.
    /// </summary>
    /// <remarks>Labels are optional; so is the held-out part.</remarks>
    /// <exception cref="DatasetException">A file is missing or malformed.</exception>
    public static DatasetSplits OpenFolder(string folder)
    {
        string train = Find(folder, TrainPrefix) ?? throw new DatasetException(
            $"{folder}: there is no {TrainPrefix}{ImageSuffixes[0]}[.gz]. Name the folder that holds the IDX files.");
        return Open(train, Find(folder, HeldOutPrefix));
    }

    /// <summary>Opens one file of images, with the labels beside it if there are any; nothing is held out.</summary>
    /// <exception cref="DatasetException">A file is missing or malformed.</exception>
    public static DatasetSplits OpenFile(string imagesPath) => Open(imagesPath, heldOutPath: null);

    internal static InMemoryDataset Create(
        string name,
        IdxImages images,
        byte[]? labels,
        int classCount,
        IReadOnlyList<string>? classNames = null,
        Normalization? normalization = null,
        DatasetFile[]? files = null) =>
        new(name, images.Pixels, images.Height, images.Width, 1, labels, classCount, classNames, normalization)
        {
            Files = files ?? [],
        };

    private static DatasetSplits Open(string trainPath, string? heldOutPath)
    {
        (IdxImages trainImages, byte[]? trainLabels) = ReadPair(trainPath);
        if (heldOutPath is null)
        {
            int trainClasses = CountClasses(trainLabels, heldOut: null);
            return new DatasetSplits(
                Create(trainPath, trainImages, trainLabels, trainClasses, files: FilesOf(trainPath)), null);
        }

        (IdxImages heldOutImages, byte[]? heldOutLabels) = ReadPair(heldOutPath);
        if (trainLabels is null != heldOutLabels is null)
        {
            throw new DatasetException(
                $"{(trainLabels is null ? trainPath : heldOutPath)}: there are no labels beside these images, " +
                "but the other part has them. Put the labels of both parts into the folder, or of none.");
        }

        int classCount = CountClasses(trainLabels, heldOutLabels);
        InMemoryDataset train = Create(trainPath, trainImages, trainLabels, classCount, files: FilesOf(trainPath));
        return new DatasetSplits(
            train,
            Create(
                heldOutPath,
                heldOutImages,
                heldOutLabels,
                classCount,
                normalization: train.Normalization,
                files: FilesOf(heldOutPath)));
    }

    private static DatasetFile[] FilesOf(string imagesPath) =>
        DatasetFolders.FilesAt(FindLabels(imagesPath) is { } labels ? [imagesPath, labels] : [imagesPath]);

    private static (IdxImages Images, byte[]? Labels) ReadPair(string imagesPath)
    {
        IdxImages images = IdxFile.ReadImages(imagesPath);
        string? labelsPath = FindLabels(imagesPath);
        if (labelsPath is null)
        {
            return (images, null);
        }

        byte[] labels = IdxFile.ReadLabels(labelsPath);
        return labels.Length == images.Count
            ? (images, labels)
            : throw new DatasetException(
                $"{labelsPath}: {labels.Length} labels, but {images.Count} images in {imagesPath}. " +
                "Use the two files of one download.");
    }

    private static string? Find(string folder, string prefix) =>
        ImageSuffixes.Select(suffix => Path.Combine(folder, prefix + suffix)).FirstOrDefault(File.Exists);

    // Images and labels need not both be compressed.
    private static string? FindLabels(string imagesPath)
    {
        string? suffix = Array.Find(ImageSuffixes, suffix => imagesPath.EndsWith(suffix, StringComparison.Ordinal));
        return suffix is null
            ? null
            : Suffixes("labels", 1).Select(labels => imagesPath[..^suffix.Length] + labels).FirstOrDefault(File.Exists);
    }

    private static string[] Suffixes(string content, int dimensions) =>
    [
        $"-{content}-idx{dimensions}-ubyte",
        $"-{content}-idx{dimensions}-ubyte.gz",
        $"-{content}.idx{dimensions}-ubyte",
        $"-{content}.idx{dimensions}-ubyte.gz",
    ];

    private static int CountClasses(byte[]? train, byte[]? heldOut) =>
        train is null ? 0 : 1 + train.Concat(heldOut ?? []).Max();
}
