using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>What is about to be trained.</summary>
public sealed record RunOverview
{
    /// <summary>Folder of the run.</summary>
    public required string Folder { get; init; }

    /// <summary>Resolved settings.</summary>
    public required TrainSettings Settings { get; init; }

    /// <summary>Name of the device.</summary>
    public required string Device { get; init; }

    /// <summary>Name of the training data.</summary>
    public required string Data { get; init; }

    /// <summary>Images to train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images to judge by; 0 for none.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>Parameters of base encoder, projector and predictor.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that are trained.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Steps done already, in an earlier process.</summary>
    public required long StepsDone { get; init; }

    /// <summary>Steps of the whole run.</summary>
    public long Steps => (long)StepsPerEpoch * Settings.Recipe.Epochs;
}
