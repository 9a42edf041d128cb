using CudaViT.Core;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Runs.Shared;

/// <summary>A run cannot begin, go on or finish as asked; what it wrote before is whole.</summary>
public sealed class RunException(string message, Exception? inner = null) : InputException(message, inner)
{
    /// <summary>Refuses images of which not even one batch can be made.</summary>
    /// <param name="images">The images.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <param name="least">The smallest batch that there can be.</param>
    /// <param name="limit">How many images were asked for; null for all.</param>
    /// <exception cref="RunException">There are too few.</exception>
    internal static void RequireBatch(IImageDataset images, int batch, int least, int? limit)
    {
        if (images.Count >= batch)
        {
            return;
        }

        string count = images.Count == 1 ? "1 image is" : $"{images.Count} images are";
        string smaller = images.Count < least ? "" : $"use --batch {images.Count} or less, or ";
        string more = limit == images.Count ? $"--limit {batch} or more" : "more images";
        throw new RunException(
            $"{images.Name}: {count} fewer than one batch of {batch}; expected at least one batch; "
            + $"{smaller}{(smaller == "" ? "use " : "")}{more}.");
    }
}
