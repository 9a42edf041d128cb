namespace CudaViT.Training.Checkpoints.Export;

/// <summary>What of a checkpoint is exported.</summary>
public enum ExportPart
{
    /// <summary>The encoder without projector, under the names of timm and DeiT.</summary>
    Encoder,

    /// <summary>Both encoders, projectors and predictor, under the reference implementation's names.</summary>
    All,
}
