namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>A file is not a PyTorch checkpoint, is damaged, or holds something that is not read on purpose.</summary>
public sealed class TorchException(string message, Exception? inner = null) : InputException(message, inner);
