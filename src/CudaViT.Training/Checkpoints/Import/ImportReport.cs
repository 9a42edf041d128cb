using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>What became of a file that was imported.</summary>
public sealed record ImportReport
{
    /// <summary>The file that was read.</summary>
    public required string Source { get; init; }

    /// <summary>Its form: PyTorch or safetensors.</summary>
    public required string Kind { get; init; }

    /// <summary>The file that was written.</summary>
    public required string Output { get; init; }

    /// <summary>The model, as its shapes tell and as was said.</summary>
    public required ModelSettings Model { get; init; }

    /// <summary>Tensors that were taken over.</summary>
    public required int Tensors { get; init; }

    /// <summary>Parts of a MoCo v3 model that the file does not have.</summary>
    public required IReadOnlyList<string> AbsentParts { get; init; }

    /// <summary>Names of a classifier, which is not part of an encoder.</summary>
    public required IReadOnlyList<string> Classifier { get; init; }

    /// <summary>Names that no part of the model has.</summary>
    public required IReadOnlyList<string> Unexpected { get; init; }

    /// <summary>What the file holds besides the tensors of a model: optimizer, epoch and so on.</summary>
    public required IReadOnlyList<string> Rest { get; init; }
}
