using CudaViT.Core;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

/// <summary>
/// A fine-tuning run small enough to be made many times: 8 × 8 images of three classes, 6 steps an epoch.
/// </summary>
internal static class TinyTuning
{
    /// <summary>Writes images and an encoder to start from, and returns settings with everything switched on.</summary>
    public static FineTuneSettings Prepare(TemporaryFolder folder, IBackend backend, int epochs = 2)
    {
        TinyRun.WriteData(folder["data"]);
        string checkpoint = ModelFile.Write(folder["start.safetensors"], backend, TinyRun.Settings.Model);
        FineTuneSettings settings = new FineTuneRequest { Checkpoint = checkpoint }.Resolve();
        return settings with
        {
            Recipe = settings.Recipe with
            {
                Batch = 8,
                Epochs = epochs,
                WarmupEpochs = 0,
                BaseLearningRate = 0.3,
                LayerDecay = 0.75,
                DropPath = 0.3,
                AverageMomentum = 0.9,
            },
            Data = new DataSettings { Path = folder["data"] },
        };
    }

    /// <summary>The same with nothing that makes learning harder.</summary>
    public static FineTuneSettings Plain(this FineTuneSettings settings) => settings with
    {
        Recipe = settings.Recipe with { Mixup = 0, Cutmix = 0, DropPath = 0, LabelSmoothing = 0, LayerDecay = 1 },
        Views = settings.Views with
        {
            CropMinimum = 0.7,
            FlipProbability = 0, // a class is where the image is bright
            RandAugmentOperations = 0,
            ColorJitter = 0,
            EraseProbability = 0,
            Repeats = 1,
        },
    };

    /// <summary>Trains to the end.</summary>
    public static FineTuneResult Run(FineTuneSettings settings, string folder, IBackend backend, bool resume = false) =>
        ReportedRun.Of(settings, new RunFolder(folder), backend, new SilentTuning()).Run(resume, default);
}

/// <summary>Keeps what a fine-tuning run notes, and lets a test act on every step.</summary>
/// <param name="onStep">Called after each step.</param>
internal sealed class SilentTuning(Action<FineTuneStepMetrics>? onStep = null) : IFineTuneProgress
{
    public List<string> Notes { get; } = [];

    public FineTuneOverview? Overview { get; private set; }

    public void OnNote(string line) => Notes.Add(line);

    public void OnStart(FineTuneOverview overview) => Overview = overview;

    public void OnStep(FineTuneStepMetrics step) => onStep?.Invoke(step);

    public void OnEvaluation(FineTuneEvaluation evaluation)
    {
    }
}
