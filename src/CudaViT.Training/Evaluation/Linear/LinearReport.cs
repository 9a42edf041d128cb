using CudaViT.Training.Data;

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
