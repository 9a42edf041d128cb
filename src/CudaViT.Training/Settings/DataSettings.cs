using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Settings;

/// <summary>What a run is trained on.</summary>
[SettingsSection]
public sealed record DataSettings
{
    private const string LabelledByFile = "file"; // which one shows in the digest of the data

    /// <summary>
    /// A folder of images, of tar archives, or of IDX or CIFAR files, or one such file; null for the images that come
    /// with the program.
    /// </summary>
    [GivenBy("--data")]
    public string? Path { get; init; }

    /// <summary>
    /// Where the classes of a folder of images come from: folders, those directly below each part; none; or the path of
    /// a text file with lines NAME,CLASS. Null for folders, where there are some with few images beside them.
    /// </summary>
    /// <remarks>Not written while it is null, as the next: runs that do without are equal to earlier ones.</remarks>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [GivenBy("--labels")]
    public string? Labels { get; init; }

    /// <summary>
    /// Share of the images to hold out, chosen by a hash of their names so that images added later move no other. Null
    /// for none beside the part that the data have of their own.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double? HoldOut { get; init; }

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

    /// <summary>
    /// Who decodes JPEG and PNG files: libjpeg-turbo and libpng where they are installed, else managed code (auto); the
    /// libraries or nobody (native); managed code (managed). Pixels of JPEG files differ a little between the two, so
    /// a run on image files keeps which it was.
    /// </summary>
    /// <remarks>
    /// Null, which means auto, in model files alone: there it is not written, so that what was trained before there was
    /// a choice is the same file.
    /// </remarks>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DecoderKind? Decoder { get; init; } = DecoderKind.Auto;

    /// <summary>Opens the data.</summary>
    /// <param name="decoder">Decodes image files; null if the data are none.</param>
    /// <param name="progress">Is told how far a long search through folders is.</param>
    /// <param name="stop">Asks to give the search up.</param>
    /// <exception cref="DatasetException">There are no such data, or they are not as asked for.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop.</exception>
    public DatasetSplits Open(
        IImageDecoder? decoder, IWorkProgress? progress = null, CancellationToken stop = default) =>
        DatasetLocator.Find(new DatasetRequest
        {
            Path = Path,
            Labels = Labels,
            HoldOut = HoldOut,
            Limit = Limit,
            Decoder = decoder,
            Scales = ScaledDecoding,
            Progress = progress,
            Stop = stop,
        });

    /// <summary>
    /// The same without places, as it stands in a model file: what the data are, not where they or their labels lie;
    /// and with managed code alone as a decoder.
    /// </summary>
    internal DataSettings ResultOnly() => this with
    {
        Path = null,
        Labels = Labels is null or FolderLayout.ByFolders or FolderLayout.Unlabelled ? Labels : LabelledByFile,
        Decoder = Decoder == DecoderKind.Managed ? Decoder : null,
    };

    /// <summary>
    /// What two runs must agree in: all of that but the decoder, which may change on the way and is told.
    /// </summary>
    internal DataSettings IdentityOnly() => ResultOnly() with { Decoder = null };
}

/// <summary>Who makes the views of an image. They are the same bytes either way.</summary>
public enum AugmentingDevice
{
    /// <summary>The threads that read the images.</summary>
    Cpu,

    /// <summary>Kernels on the device that trains: a GPU, or an emulator of one.</summary>
    Cuda,
}
