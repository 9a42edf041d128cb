using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Runs.Shared;

/// <summary>A run cannot begin, go on or finish as asked; what it wrote before is whole.</summary>
public sealed class RunException(string message, Exception? inner = null) : InputException(message, inner)
{
    /// <summary>Refuses images of which not even one batch can be made.</summary>
    /// <param name="images">Training images.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="smallest">Images that any batch must have.</param>
    /// <exception cref="RunException">There are too few.</exception>
    internal static void RequireBatch(IImageDataset images, int batch, int smallest)
    {
        if (images.Count < batch)
        {
            string count = images.Count == 1 ? "1 image is" : $"{images.Count} images are";
            string advice = images.Count < smallest
                ? $"give it at least {smallest} images: raise --limit if it is set, or name other data"
                : $"use --batch {images.Count} or less, or more images";
            throw new RunException(
                $"{images.Name}: {count} fewer than one batch of {batch}; expected at least one batch; {advice}.");
        }
    }
}
