using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Reports.Runs;

/// <summary>Draws the report of a run again, from the files of its folder and its data.</summary>
public static class RunRedraw
{
    /// <summary>Writes the page. Where the model or the data is missing, it says so in place of the pictures.</summary>
    /// <param name="folder">The folder of a run, at whatever point it ended.</param>
    /// <param name="data">Where the data is now; null for where the run found it.</param>
    /// <param name="backend">Device to compute on.</param>
    /// <param name="decoder">Makes what decodes image files, from the settings of the run.</param>
    /// <param name="progress">Is told how far it is, and what is missing.</param>
    /// <returns>The path of the page.</returns>
    /// <exception cref="InputException">
    /// There is no run, or its files cannot be read, or the page not be written.
    /// </exception>
    public static string Write(
        RunFolder folder,
        string? data,
        IBackend backend,
        Func<DataSettings, IImageDecoder?> decoder,
        IWorkProgress progress)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(progress);
        if (!folder.HasRun)
        {
            throw new RunException(
                $"{folder.Path}: there is no run in this folder; expected one with a settings.json, as cudavit train "
                + "writes it; name another with --run.");
        }

        (RunPictures? pictures, string reason) = (null, "");
        try
        {
            pictures = Pictures(folder, data, backend, decoder, progress);
        }
        catch (InputException e) when (e is not SettingsException)
        {
            reason = $"There are no pictures: {e.Message}";
            progress.OnLine($"without pictures: {e.Message}");
        }

        return RunReport.Write(folder, pictures, reason);
    }

    private static RunPictures Pictures(
        RunFolder folder,
        string? path,
        IBackend backend,
        Func<DataSettings, IImageDecoder?> decoder,
        IWorkProgress progress)
    {
        TrainSettings settings = SettingsRequest.Read(folder);
        Checkpoint? checkpoint = File.Exists(folder.FinalPath)
            ? null
            : folder.Checkpoints(settings.Run.KeepCheckpoints).Peek(progress.OnLine)
                ?? throw new RunException($"{folder.CheckpointsPath}: there is no whole checkpoint yet.");
        TrainedModel model = TrainedModel.Open(checkpoint?.TensorPath ?? folder.FinalPath, backend);
        DataSettings found = settings.Data with { Path = path ?? settings.Data.Path };
        DatasetSplits data = found.Open(decoder(settings.Data), progress);
        model.RequireFit(data.Train);
        long step = checkpoint?.Info.Step
            ?? (long)(data.Train.Count / settings.Recipe.Batch) * settings.Recipe.Epochs;
        var watch = new WorkWatch(
            (what, done, total) => progress.OnAdvance(
                (double)done / total, FormattableString.Invariant($"{done}/{total} {what}")),
            stop: default);
        return PictureMaker.Make(model.Encoder, settings, data, backend, step, watch);
    }
}
