using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>What one training step is measured by: a line of <c>metrics.jsonl</c>.</summary>
public sealed record StepMetrics
{
    /// <summary>Number of the step, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Epochs done after this step; a fraction.</summary>
    public required double Epoch { get; init; }

    /// <summary>Contrastive loss, both directions summed.</summary>
    public required double Loss { get; init; }

    /// <summary>Loss when all embeddings are alike, 4·τ·ln B: what a collapsed encoder would have.</summary>
    public required double CollapseLoss { get; init; }

    /// <summary><see cref="Loss"/> over <see cref="CollapseLoss"/>.</summary>
    public required double LossOverCollapse { get; init; }

    /// <summary>Learning rate of this step.</summary>
    public required double Lr { get; init; }

    /// <summary>Coefficient m with which the momentum encoder kept its values in this step.</summary>
    public required double Momentum { get; init; }

    /// <summary>Euclidean norms of the gradient by groups of parameters.</summary>
    public required PartNorms GradientNorms { get; init; }

    /// <summary>
    /// Standard deviation over the batch of the normalised queries, averaged over their dimensions and times √d: near 1
    /// when they spread over the sphere, 0 when they collapse to a point.
    /// </summary>
    public required double OutputStd { get; init; }

    /// <summary>Measured by the clock; differs from run to run.</summary>
    public required StepTiming Timing { get; init; }
}

/// <summary>A reading of the kNN monitor: a line of <c>metrics.jsonl</c>.</summary>
public sealed record MonitorMetrics
{
    /// <summary>Steps done when it was made.</summary>
    public required long Step { get; init; }

    /// <summary>Share of the held-out images that were recognized, 0 to 1.</summary>
    public required double MonitorAccuracy { get; init; }

    /// <summary>Neighbours that vote.</summary>
    public required int K { get; init; }

    /// <summary>Features of training views in the bank.</summary>
    public required int BankRows { get; init; }

    /// <summary>Held-out images that were classified.</summary>
    public required int Images { get; init; }

    /// <summary>Measured by the clock; differs from run to run.</summary>
    public required EvaluationTiming Timing { get; init; }
}

/// <summary>Result of a kNN evaluation: a line of <c>metrics.jsonl</c>.</summary>
public sealed record EvaluationMetrics
{
    /// <summary>Steps done when it was made.</summary>
    public required long Step { get; init; }

    /// <summary>Number of the evaluation: 0 before the first epoch, then the number of epochs done.</summary>
    public required int Evaluation { get; init; }

    /// <summary>Neighbours that vote.</summary>
    public required int K { get; init; }

    /// <summary>
    /// Share of the held-out images whose class the encoder's nearest training images vote for, 0 to 1.
    /// </summary>
    public required double KnnAccuracy { get; init; }

    /// <summary>The same vote among raw pixels, as a yardstick.</summary>
    public required double RawPixelAccuracy { get; init; }

    /// <summary>Measured by the clock; differs from run to run.</summary>
    public required EvaluationTiming Timing { get; init; }
}
