namespace CudaViT.Training.Evaluation;

/// <summary>Features that were written.</summary>
/// <param name="Checkpoint">The file of the encoder.</param>
/// <param name="Data">Name of the data.</param>
/// <param name="TrainImages">Training images.</param>
/// <param name="HeldOutImages">Held-out images; 0 without any.</param>
/// <param name="Width">Numbers per image.</param>
/// <param name="Files">What was written.</param>
public sealed record FeatureReport(
    string Checkpoint, string Data, int TrainImages, int HeldOutImages, int Width, IReadOnlyList<string> Files);
