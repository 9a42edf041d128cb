namespace CudaViT.Data.Sets;

/// <summary>Finds the data set that <c>--data</c> means.</summary>
public static class DatasetLocator
{
    /// <summary>The name of the images that come with the program; also the default.</summary>
    public const string FashionSubset = "fashion-subset";

    /// <summary>Opens a data set.</summary>
    /// <param name="data">
    /// Null or <see cref="FashionSubset"/>; or a folder of images, of tar archives, or of IDX or CIFAR files; or one
    /// such file. What a file is shows in its content.
    /// </param>
    /// <param name="limit">Train on at most this many images, spread evenly over the data set; null for all.</param>
    /// <param name="decoder">Decodes image files; null if there will be none.</param>
    /// <param name="scales">Whether to decode images at a smaller size where that is enough.</param>
    /// <exception cref="DatasetException">There is no such data set, or it is malformed.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="limit"/> is zero or negative.</exception>
    public static DatasetSplits Open(
        string? data, int? limit = null, IImageDecoder? decoder = null, bool scales = true)
    {
        if (limit is { } count)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count, nameof(limit));
        }

        DatasetSplits splits = data is null or FashionSubset
            ? new DatasetSplits(FashionMnistSubset.Train, FashionMnistSubset.HeldOut)
            : OpenPath(data, decoder, scales);
        return limit < splits.Train.Count
            ? splits with { Train = new DatasetSubset(splits.Train, limit.Value) }
            : splits;
    }

    private static DatasetSplits OpenPath(string path, IImageDecoder? decoder, bool scales)
    {
        if (File.Exists(path))
        {
            return IdxFile.PeekMagic(path) is IdxFile.ImagesMagic or IdxFile.LabelsMagic ? IdxDataset.OpenFile(path)
                : DatasetFolders.Guard(path, () => TarFile.IsTar(path))
                    ? TarShards.OpenFile(path, Require(decoder, path), scales)
                    : CifarDataset.OpenFile(path);
        }

        if (!Directory.Exists(path))
        {
            throw new DatasetException(
                $"{path}: there is no such file or folder. Name a folder of images, of tar archives, or of IDX or " +
                $"CIFAR files, one such file, or {FashionSubset}.");
        }

        return IdxDataset.IsPresent(path) ? IdxDataset.OpenFolder(path)
            : CifarDataset.IsPresent(path) ? CifarDataset.OpenFolder(path)
            : TarShards.IsPresent(path) ? TarShards.OpenFolder(path, Require(decoder, path), scales)
            : ImageFolder.IsPresent(path) ? ImageFolder.Open(path, Require(decoder, path), scales)
            : throw new DatasetException(
                $"{path}: the folder holds neither images (.jpg, .jpeg, .png), in it or in a folder for each class, " +
                "nor tar archives of them, nor train-images-idx3-ubyte[.gz], nor the binary files of CIFAR-10 or " +
                "CIFAR-100. " +
                $"Name the folder that holds them, or {FashionSubset}.");
    }

    private static IImageDecoder Require(IImageDecoder? decoder, string path) => decoder
        ?? throw new DatasetException($"{path}: there is no decoder for image files. Pass one to open them.");
}

/// <summary>The two parts of a data set.</summary>
/// <param name="Train">What to learn from.</param>
/// <param name="HeldOut">What to judge by, with the same classes; null if the source has no such part.</param>
public sealed record DatasetSplits(IImageDataset Train, IImageDataset? HeldOut);
