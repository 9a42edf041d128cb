using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>Is told what happens in a fine-tuning run, on the thread that trains.</summary>
public interface IFineTuneProgress : IRunProgress
{
    /// <summary>Everything is ready; the first step or evaluation follows.</summary>
    void OnStart(FineTuneOverview overview);

    /// <summary>A step was made.</summary>
    void OnStep(FineTuneStepMetrics step);

    /// <summary>The classifier was judged.</summary>
    void OnEvaluation(FineTuneEvaluation evaluation);

    /// <summary>
    /// The run came to a result; or was asked to stop, and this is what its newest evaluation came to, if this process
    /// made any.
    /// </summary>
    void OnReport(FineTuneReport report)
    {
    }
}

/// <summary>What is about to be trained.</summary>
public sealed record FineTuneOverview
{
    /// <summary>Folder of the run.</summary>
    public required string Folder { get; init; }

    /// <summary>Resolved settings.</summary>
    public required FineTuneSettings Settings { get; init; }

    /// <summary>Name of the device.</summary>
    public required string Device { get; init; }

    /// <summary>Name of the training data.</summary>
    public required string Data { get; init; }

    /// <summary>Images to train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images to judge by.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>Classes to tell apart.</summary>
    public required int Classes { get; init; }

    /// <summary>Parameters that are trained.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public long Steps => (long)StepsPerEpoch * Settings.Recipe.Epochs;
}
