using System.Globalization;
using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Images with or without labels, addressed by index. Safe to read from several threads.</summary>
public interface IImageDataset
{
    /// <summary>What to call it in messages and reports.</summary>
    string Name { get; }

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>1 (grey) or 3 (red, green, blue), the same for all images; their sizes may differ.</summary>
    int Channels { get; }

    /// <summary>Number of classes; 0 without labels.</summary>
    int ClassCount { get; }

    /// <summary>One name per class, or null where none are known.</summary>
    IReadOnlyList<string>? ClassNames { get; }

    /// <summary>How to turn these images into numbers around zero.</summary>
    Normalization Normalization { get; }

    /// <summary>Class of image <paramref name="index"/>, from 0 to ClassCount - 1; -1 without labels.</summary>
    int Label(int index);

    /// <summary>
    /// The pixels of image <paramref name="index"/>, decoded into <paramref name="scratch"/> if need be.
    /// </summary>
    /// <param name="index">Which image.</param>
    /// <param name="scratch">Memory for it.</param>
    /// <param name="scale">How coarsely it may be decoded, where that saves time; null for the full size.</param>
    /// <returns>Valid until <paramref name="scratch"/> is used again.</returns>
    /// <exception cref="UndecodableImageException">This image is damaged; the others may be used.</exception>
    /// <exception cref="DatasetException">The images cannot be read, or too many are damaged.</exception>
    ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null);

    /// <summary>Where each shard begins: images that are read fastest one after another. The first is 0.</summary>
    IReadOnlyList<int> ShardStarts => [0];

    /// <summary>Bytes of the largest image, where that is known without reading any; else null.</summary>
    int? LargestImageBytes => null;

    /// <summary>The images found so far that could not be decoded.</summary>
    IReadOnlyList<DamagedImage> Damaged => [];

    /// <summary>
    /// What image <paramref name="index"/> is called within the data: its path below their folder with <c>/</c> between
    /// names, archive and entry, or <c>#</c> and its number where images have no names. The same wherever the data lie.
    /// </summary>
    string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"#{index}");

    /// <summary>The files that the images come from, in their order; see <see cref="DatasetDigest"/>.</summary>
    IEnumerable<DatasetFile> Files => [];

    /// <summary>A data set of some of these images.</summary>
    /// <param name="indices">Which, in ascending order.</param>
    /// <param name="name">What to call it.</param>
    IImageDataset Select(int[] indices, string name) => new DatasetSelection(this, indices, name);
}

/// <summary>An image that could not be decoded and was left out.</summary>
/// <param name="Name">Its path, or its name within an archive.</param>
/// <param name="Reason">Why.</param>
public sealed record DamagedImage(string Name, string Reason);

/// <summary>A file of a data set, or an entry of an archive.</summary>
/// <param name="Name">As in <see cref="IImageDataset.NameOf"/>.</param>
/// <param name="SizeInBytes">Its size.</param>
/// <param name="Label">Class of the image in it; -1 without, and for files of many images.</param>
public readonly record struct DatasetFile(string Name, long SizeInBytes, int Label = -1);

/// <summary>A data set is missing, malformed, or not usable for what was asked.</summary>
public class DatasetException(string message, Exception? inner = null) : InputException(message, inner);
