namespace CudaViT.Training.Data;

/// <summary>A data set is missing, malformed, or not usable for what was asked.</summary>
public class DatasetException(string message, Exception? inner = null) : InputException(message, inner);
