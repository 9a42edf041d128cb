namespace CudaViT.Training.Runs;

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
