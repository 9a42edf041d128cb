namespace CudaViT.Training.Runs;

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
