using CudaViT.Data.Sets;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>Result of a linear probe.</summary>
public sealed record LinearReport
{
    /// <summary>The file of the encoder.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Name of the data.</summary>
    public required string Data { get; init; }

    /// <summary>Training images.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Held-out images.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>How it was trained.</summary>
    public required LinearSettings Settings { get; init; }

    /// <summary>
    /// Tensors of the encoder that were found bit-identical to its file, after the first epoch and at the end.
    /// </summary>
    public required int FrozenTensors { get; init; }

    /// <summary>Every learning rate of the grid.</summary>
    public required IReadOnlyList<LinearRate> Rates { get; init; }

    /// <summary>The one with the highest accuracy after the last epoch; what follows is of its classifier.</summary>
    public required double ChosenBaseLearningRate { get; init; }

    /// <summary>Top-1 accuracy after the last epoch, 0 to 1.</summary>
    public required double Top1 { get; init; }

    /// <summary>Top-5 accuracy after the last epoch.</summary>
    public required double Top5 { get; init; }

    /// <summary>Images that could not be decoded and were left out.</summary>
    public required IReadOnlyList<DamagedImage> LeftOut { get; init; }

    /// <summary>Every class after the last epoch.</summary>
    public required IReadOnlyList<ClassScore> Classes { get; init; }

    /// <summary>Held-out images by true class (row) and predicted class (column).</summary>
    public required IReadOnlyList<int[]> Confusion { get; init; }
}

/// <summary>What one learning rate came to.</summary>
/// <param name="BaseLearningRate">Rate for a batch of 256.</param>
/// <param name="PeakLearningRate">Rate of the first epoch.</param>
/// <param name="Last">After the last epoch.</param>
/// <param name="Best">After the epoch with the highest top-1 accuracy, the first among equals.</param>
/// <param name="History">After every epoch.</param>
public sealed record LinearRate(
    double BaseLearningRate,
    double PeakLearningRate,
    LinearScore Last,
    LinearScore Best,
    IReadOnlyList<LinearScore> History);

/// <summary>How a classifier did on the held-out images after an epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Top1">Share of images whose class has the largest logit, 0 to 1.</param>
/// <param name="Top5">Share of images whose class is among the five largest.</param>
/// <param name="Loss">Mean training loss of the epoch; null when it was not finite.</param>
public sealed record LinearScore(int Epoch, double Top1, double Top5, double? Loss);
