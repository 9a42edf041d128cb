namespace CudaViT.Training.Data;

/// <summary>One image is damaged or of no known format; a run goes on without it.</summary>
public sealed class UndecodableImageException(string message, Exception? inner = null)
    : DatasetException(message, inner);
