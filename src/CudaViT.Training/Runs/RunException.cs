namespace CudaViT.Training.Runs;

/// <summary>A run cannot begin, go on or finish as asked; what it wrote before is whole.</summary>
public sealed class RunException(string message, Exception? inner = null) : InputException(message, inner);
