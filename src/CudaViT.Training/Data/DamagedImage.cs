namespace CudaViT.Training.Data;

/// <summary>An image that could not be decoded and was left out.</summary>
/// <param name="Name">Its path, or its name within an archive.</param>
/// <param name="Reason">Why.</param>
public sealed record DamagedImage(string Name, string Reason);
