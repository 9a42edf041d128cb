using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>How an encoder is judged during training.</summary>
[SettingsSection]
public sealed record EvaluationSettings
{
    /// <summary>
    /// Nearest training images that vote on the class of a held-out one: the k of the kNN accuracy after each epoch.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int Neighbours { get; init; } = 20;

    /// <summary>Images whose features are computed at once; more take more memory.</summary>
    [Range(1, 1 << 20)]
    public int Batch { get; init; } = 256;

    /// <summary>
    /// Steps between two readings of the kNN monitor, which classifies held-out images by the features of recent
    /// training views; null for none.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int? MonitorEvery { get; init; }

    /// <summary>Features that the monitor keeps, as a share of the training images.</summary>
    [Range(0.0, 1.0)]
    public double MonitorBankShare { get; init; } = 0.1;

    /// <summary>Held-out images that the monitor classifies within an epoch; at its end it takes all.</summary>
    [Range(1, int.MaxValue)]
    public int MonitorImages { get; init; } = 5000;

    /// <summary>Neighbours that vote in the monitor.</summary>
    [Range(1, int.MaxValue)]
    public int MonitorNeighbours { get; init; } = 200;
}
