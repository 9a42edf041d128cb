using CudaViT.Cli.Output;
using CudaViT.Data.Sets;
using CudaViT.Images;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Runs.Shared;
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

    /// <summary>The same of what <c>--labels</c> names, unless it is a word.</summary>
    public static string? FullLabels(string? labels) =>
        labels is null or "folders" or "none" ? labels : Path.GetFullPath(labels);

    /// <summary>Opens data, decoded as in the training that a model comes from.</summary>
    /// <param name="checkpoint">File of the model. Its header alone is read: data that cannot be used cost no time.</param>
    /// <param name="data">Which data; EXIF orientations are applied if these or those of the training say so.</param>
    /// <param name="output">Gets a line about what was found; null for a script.</param>
    public static DatasetSplits OpenFor(string checkpoint, DataSettings data, TextWriter? output)
    {
        using SafetensorsFile file = SafetensorsFile.Open(checkpoint);
        DataSettings trained = TrainedModel.ReadSettings(file, checkpoint).Data;
        data = data with
        {
            ExifOrientation = trained.ExifOrientation || data.ExifOrientation,
            ScaledDecoding = trained.ScaledDecoding,
        };
        DatasetSplits found = data.Open(
            Decoder(data), output is null ? null : new SearchNotes(line => output.WriteLine(RunText.Printable(line))));
        if (found.Summary is { } summary)
        {
            output?.WriteLine(RunText.Printable(summary));
        }

        return found;
    }

    /// <summary>What decodes image files.</summary>
    public static ImageDecoder Decoder(DataSettings settings) => new(settings.ExifOrientation);
}
