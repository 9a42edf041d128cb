namespace CudaViT.Training.Checkpoints;

/// <summary>A file is not a well-formed safetensors file, or lacks a tensor that was asked for.</summary>
public sealed class SafetensorsException(string message, Exception? inner = null) : InputException(message, inner);
