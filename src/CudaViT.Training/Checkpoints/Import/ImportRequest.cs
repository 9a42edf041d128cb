namespace CudaViT.Training.Checkpoints.Import;

/// <summary>What the shapes of a file do not tell.</summary>
/// <param name="Heads">Attention heads; null to go by the width.</param>
/// <param name="ImageSize">Height and width of the images; null to go by the position table.</param>
public sealed record ImportRequest(int? Heads = null, int? ImageSize = null);
