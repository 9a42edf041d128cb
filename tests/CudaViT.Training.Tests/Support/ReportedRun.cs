using CudaViT.Core;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Reports.Runs;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Tests.Support;

/// <summary>Runs with their reports plugged in, as the command line plugs them in.</summary>
internal static class ReportedRun
{
    public static Trainer Of(
        TrainSettings settings,
        RunFolder folder,
        IBackend backend,
        ITrainingProgress progress,
        Action<RunPictures>? onPictures = null) =>
        new(settings, folder, backend, new RunReporter(progress, folder, onPictures));

    public static FineTuner Of(
        FineTuneSettings settings, RunFolder folder, IBackend backend, IFineTuneProgress progress) =>
        new(settings, folder, backend, new FineTuneReporter(progress, folder));
}
