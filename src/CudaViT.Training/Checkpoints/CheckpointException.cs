namespace CudaViT.Training.Checkpoints;

/// <summary>A checkpoint cannot be written, or what was found in its place cannot be used.</summary>
public sealed class CheckpointException(string message, Exception? inner = null) : InputException(message, inner);
