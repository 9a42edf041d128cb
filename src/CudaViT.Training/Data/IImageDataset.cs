namespace CudaViT.Training.Data;

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
    /// <returns>Valid until <paramref name="scratch"/> is used again.</returns>
    /// <exception cref="DatasetException">The image cannot be read or decoded.</exception>
    ImageView Read(int index, ImageBuffer scratch);
}
