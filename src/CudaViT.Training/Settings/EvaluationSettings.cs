using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>How an encoder is judged during training.</summary>
public sealed record EvaluationSettings
{
    /// <summary>Neighbours that vote.</summary>
    [Range(1, int.MaxValue)]
    public int Neighbours { get; init; } = 20;

    /// <summary>Images whose features are computed at once.</summary>
    [Range(1, 1 << 20)]
    public int Batch { get; init; } = 256;
}
