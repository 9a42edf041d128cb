namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>A Python tuple.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);
