using CudaViT.Data.Sets;
using CudaViT.Images;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;

namespace CudaViT.Cli;

/// <summary>Opens data sets with the decoders that this program has.</summary>
internal static class Datasets
{
    /// <summary>
    /// The full path of what <c>--data</c> names: the run's settings hold for whoever goes on with it, wherever that is.
    /// </summary>
    public static string? FullPath(string? data) =>
        data is null or DatasetLocator.FashionSubset ? null : Path.GetFullPath(data);

    /// <summary>Opens what <c>--data</c> names, decoded as in the training that a model comes from.</summary>
    /// <param name="path">The data; null for those that come with the program.</param>
    /// <param name="checkpoint">File of the model. Its header alone is read: data that cannot be used cost no time.</param>
    /// <param name="turnsUpright">Whether to apply EXIF orientations although the training did not.</param>
    public static DatasetSplits OpenFor(string checkpoint, string? path, bool turnsUpright)
    {
        using SafetensorsFile file = SafetensorsFile.Open(checkpoint);
        DataSettings trained = TrainedModel.ReadSettings(file, checkpoint).Data;
        return DatasetLocator.Open(
            path,
            limit: null,
            Decoder(trained with { ExifOrientation = trained.ExifOrientation || turnsUpright }),
            trained.ScaledDecoding);
    }

    /// <summary>What decodes image files.</summary>
    public static ImageDecoder Decoder(DataSettings settings) => new(settings.ExifOrientation);
}
