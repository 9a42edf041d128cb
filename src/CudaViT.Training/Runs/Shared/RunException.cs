using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Runs.Shared;

/// <summary>A run cannot begin, go on or finish as asked; what it wrote before is whole.</summary>
public sealed class RunException(string message, Exception? inner = null) : InputException(message, inner)
{
    /// <summary>Refuses images of which not even one batch can be made.</summary>
    /// <exception cref="RunException">There are too few.</exception>
    internal static void RequireBatch(IImageDataset images, int batch)
    {
        if (images.Count < batch)
        {
            throw new RunException(
                $"{images.Name}: {images.Count} images are fewer than one batch of {batch}; "
                + $"expected at least one batch; use --batch {images.Count} or less, or more images.");
        }
    }
}
