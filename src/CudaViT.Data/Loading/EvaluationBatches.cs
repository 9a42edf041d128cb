using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Data.Loading;

/// <summary>Walks through a data set once, in order and without randomness, for features and accuracies.</summary>
public static class EvaluationBatches
{
    /// <summary>
    /// Yields batches of one view, the shorter side resized and a square of <paramref name="imageSize"/> cut from the
    /// middle.
    /// </summary>
    /// <param name="dataset">Any data set.</param>
    /// <param name="imageSize">Height and width of the result in pixels.</param>
    /// <param name="batchSize">The last batch has what is left.</param>
    /// <param name="shortSide">What the shorter side is resized to; null for <paramref name="imageSize"/>.</param>
    /// <param name="interpolation">How it is resized.</param>
    /// <returns>The same batch, refilled each time: valid until the next one is asked for.</returns>
    /// <remarks>Damaged images are left out. All processors read; the batches are the same for any number.</remarks>
    /// <exception cref="DatasetException">The images cannot be read, or too many are damaged.</exception>
    public static IEnumerable<ImageBatch> Enumerate(
        IImageDataset dataset,
        int imageSize,
        int batchSize,
        int? shortSide = null,
        Interpolation interpolation = Interpolation.Bilinear)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        int side = shortSide ?? imageSize;
        ArgumentOutOfRangeException.ThrowIfLessThan(side, imageSize, nameof(shortSide));
        return Walk(dataset, imageSize, batchSize, () => new EvaluationTransform(side, imageSize, interpolation));
    }

    private static IEnumerable<ImageBatch> Walk(
        IImageDataset dataset, int imageSize, int batchSize, Func<EvaluationTransform> transform)
    {
        var batch = new ImageBatch(sizes: [imageSize], batchSize, dataset.Channels);
        var reader = new EvaluationReader(dataset, transform);
        int sample = 0;
        for (int iteration = 0; sample < dataset.Count; iteration++)
        {
            (batch.Iteration, batch.Count) = (iteration, Math.Min(batchSize, dataset.Count - sample));
            int filled = 0;
            while (filled < batch.Count && sample < dataset.Count)
            {
                // As many as there is room for; those that are damaged leave room for the next ones.
                int count = Math.Min(batch.Count - filled, dataset.Count - sample);
                filled += reader.Read(batch, filled, sample, count);
                sample += count;
            }

            batch.Count = filled;
            if (filled > 0)
            {
                yield return batch;
            }
        }
    }
}
