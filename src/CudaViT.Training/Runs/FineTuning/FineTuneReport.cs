using CudaViT.Data.Sets;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>Result of fine-tuning: <c>finetune.json</c>.</summary>
public sealed record FineTuneReport
{
    /// <summary>The file that the encoder came from.</summary>
    public required string? Checkpoint { get; init; }

    /// <summary>Name of the data.</summary>
    public required string Data { get; init; }

    /// <summary>Training images.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Held-out images.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>How it was trained.</summary>
    public required FineTuneRecipe Recipe { get; init; }

    /// <summary>How images were changed.</summary>
    public required FineTuneViewSettings Views { get; init; }

    /// <summary>Top-1 accuracy of the weights after the last epoch, 0 to 1.</summary>
    public required double Top1 { get; init; }

    /// <summary>Top-5 accuracy of the weights after the last epoch.</summary>
    public required double Top5 { get; init; }

    /// <summary>What the weights came to.</summary>
    public required ClassifierResult Weights { get; init; }

    /// <summary>What the moving average of the weights came to; null without.</summary>
    public required ClassifierResult? Average { get; init; }

    /// <summary>Images that could not be decoded and were left out.</summary>
    public required IReadOnlyList<DamagedImage> LeftOut { get; init; }
}

/// <summary>How a classifier did after an epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Top1">Share of held-out images whose class has the largest logit, 0 to 1.</param>
/// <param name="Top5">Share of held-out images whose class is among the five largest.</param>
public sealed record FineTuneScore(int Epoch, double Top1, double Top5);
