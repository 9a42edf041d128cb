namespace CudaViT.Training.Data;

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
    /// <remarks>Damaged images are left out.</remarks>
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
        var transform = new EvaluationTransform(shortSide ?? imageSize, imageSize, interpolation);
        return Walk(dataset, imageSize, batchSize, transform);
    }

    private static IEnumerable<ImageBatch> Walk(
        IImageDataset dataset, int imageSize, int batchSize, EvaluationTransform transform)
    {
        var batch = new ImageBatch(sizes: [imageSize], batchSize, dataset.Channels);
        var scratch = new ImageBuffer();
        int sample = 0;
        for (int iteration = 0; sample < dataset.Count; iteration++)
        {
            (batch.Iteration, batch.Count) = (iteration, Math.Min(batchSize, dataset.Count - sample));
            int filled = 0;
            for (; filled < batch.Count && sample < dataset.Count; sample++)
            {
                if (TryRead(dataset, sample, transform, scratch, batch.WritableImage(0, filled)))
                {
                    batch.WritableSamples[filled] = sample;
                    batch.SetLabel(filled, dataset.Label(sample));
                    filled++;
                }
            }

            batch.Count = filled;
            if (filled > 0)
            {
                yield return batch;
            }
        }
    }

    private static bool TryRead(
        IImageDataset dataset, int sample, EvaluationTransform transform, ImageBuffer scratch, Span<byte> destination)
    {
        try
        {
            transform.Apply(dataset.Read(sample, scratch, transform), destination);
            return true;
        }
        catch (UndecodableImageException)
        {
            return false; // the data set keeps the list
        }
    }
}
