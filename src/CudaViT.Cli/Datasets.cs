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
    /// The full path of what <c>--data</c> names: the run's settings hold for whoever goes on with it, wherever that
    /// is.
    /// </summary>
    public static string? FullPath(string? data) =>
        data is null or DatasetLocator.FashionSubset ? null : Path.GetFullPath(data);

    /// <summary>The same of what <c>--labels</c> names, unless it is a word.</summary>
    public static string? FullLabels(string? labels) =>
        labels is null or "folders" or "none" ? labels : Path.GetFullPath(labels);

    /// <summary>Opens data, decoded as in the training that a model comes from.</summary>
    /// <param name="checkpoint">
    /// File of the model. Its header alone is read: data that cannot be used cost no time.
    /// </param>
    /// <param name="data">
    /// Which data; EXIF orientations are applied if these or those of the training say so, and the decoder is that of
    /// the training unless these name one.
    /// </param>
    /// <param name="output">Gets a line about what was found; null for a script.</param>
    public static DatasetSplits OpenFor(string checkpoint, DataSettings data, TextWriter? output)
    {
        using SafetensorsFile file = SafetensorsFile.Open(checkpoint);
        DataSettings trained = TrainedModel.ReadSettings(file, checkpoint).Data;
        data = data with
        {
            ExifOrientation = trained.ExifOrientation || data.ExifOrientation,
            ScaledDecoding = trained.ScaledDecoding,
            Decoder = data.Decoder ?? trained.Decoder,
        };
        DatasetSplits found = data.Open(
            Decoder(data, trained.Decoder),
            output is null ? null : new SearchNotes(line => output.WriteLine(RunText.Printable(line))));
        if (found.Summary is { } summary)
        {
            output?.WriteLine(RunText.Printable(summary));
        }

        return found;
    }

    /// <summary>
    /// What decodes image files; on the error stream it says, once, what is other than one may expect.
    /// </summary>
    /// <param name="settings">Who is to decode them, and how.</param>
    /// <param name="trained">
    /// Who decoded those that the model, or the run so far, was trained on; null if none was.
    /// </param>
    public static ImageDecoder Decoder(DataSettings settings, DecoderKind? trained = null) =>
        new(
            settings.ExifOrientation,
            settings.Decoder ?? DecoderKind.Auto,
            note => Console.Error.WriteLine($"cudavit: {note}"))
        {
            Trained = trained,
        };

    /// <summary>What <c>--decoder</c> says; null if it is not given.</summary>
    public static DecoderKind? DecoderOf(string? word) =>
        word is null ? null : Enum.Parse<DecoderKind>(word, ignoreCase: true);

    /// <summary>
    /// Settings with who decodes JPEG files on this machine, where there may be some: what a run keeps.
    /// </summary>
    public static DataSettings WithDecoder(DataSettings settings) =>
        settings.Decoder is not (null or DecoderKind.Auto) || !DatasetLocator.HasImageFiles(settings.Path)
            ? settings
            : settings with
            {
                Decoder = ImageLibraries.TurboJpeg.File is null ? DecoderKind.Managed : DecoderKind.Native,
            };

    /// <summary>
    /// Managed if managed code decodes the JPEG files of an evaluation, else auto: what decides its result.
    /// </summary>
    /// <param name="trained">Settings of the model.</param>
    /// <param name="path">The data.</param>
    /// <param name="word">What <c>--decoder</c> says.</param>
    public static DecoderKind DecoderOf(DataSettings trained, string? path, string? word) =>
        WithDecoder(trained with { Path = path, Decoder = DecoderOf(word) ?? trained.Decoder }).Decoder
            == DecoderKind.Managed ? DecoderKind.Managed : DecoderKind.Auto;
}
