namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>A flat run of numbers in a file; tensors are views of it.</summary>
/// <param name="dtype">Element type.</param>
/// <param name="count">Number of elements.</param>
internal sealed class TorchStorage(SafetensorsDType dtype, long count)
{
    public SafetensorsDType DType { get; } = dtype;

    public long Count { get; } = count;

    public int ElementSize { get; } = SafetensorsTensor.ElementSizeInBytes(dtype);

    /// <summary>Number of bytes; the container has checked that the file holds as many.</summary>
    public long SizeInBytes => Count * ElementSize;

    /// <summary>Where it begins in the file; null until the container has come to it.</summary>
    public long? Position { get; set; }
}
