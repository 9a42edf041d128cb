using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>What a run is trained on.</summary>
[SettingsSection]
public sealed record DataSettings
{
    /// <summary>
    /// A folder of images, of tar archives, or of IDX or CIFAR files, or one such file; null for the images that come
    /// with the program.
    /// </summary>
    [GivenBy("--data")]
    public string? Path { get; init; }

    /// <summary>Train on at most this many images, spread evenly over the data set; null for all.</summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; init; }

    /// <summary>
    /// Draw the next image among this many images that follow each other, in a random order of the archives, so that a
    /// disk reads from one place after another. Null to draw among all.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int? ShuffleBuffer { get; init; }

    /// <summary>
    /// Decode a JPEG at 1/2, 1/4 or 1/8 of its size where all that is cut out of it is reduced at least so much anyway.
    /// Much faster for large photographs; the pixels differ by a level or two of 255.
    /// </summary>
    public bool ScaledDecoding { get; init; } = true;

    /// <summary>
    /// Turn images upright as their EXIF data say, as Pillow's <c>ImageOps.exif_transpose</c> does. Off as in the
    /// reference implementation, which takes pixels as they are stored.
    /// </summary>
    public bool ExifOrientation { get; init; }
}

/// <summary>Who makes the views of an image. They are the same bytes either way.</summary>
public enum AugmentingDevice
{
    /// <summary>The threads that read the images.</summary>
    Cpu,

    /// <summary>Kernels on the device that trains: a GPU, or an emulator of one.</summary>
    Cuda,
}
