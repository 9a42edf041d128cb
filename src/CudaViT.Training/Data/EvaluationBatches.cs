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
    /// <returns>The same batch, refilled each time: valid until the next one is asked for.</returns>
    /// <exception cref="DatasetException">An image cannot be read.</exception>
    public static IEnumerable<ImageBatch> Enumerate(
        IImageDataset dataset, int imageSize, int batchSize, int? shortSide = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        return Walk(dataset, imageSize, batchSize, shortSide ?? imageSize);
    }

    private static IEnumerable<ImageBatch> Walk(IImageDataset dataset, int imageSize, int batchSize, int shortSide)
    {
        var batch = new ImageBatch(sizes: [imageSize], batchSize, dataset.Channels);
        var transform = new EvaluationTransform(shortSide, imageSize);
        var scratch = new ImageBuffer();
        for (int first = 0; first < dataset.Count; first += batchSize)
        {
            (batch.Iteration, batch.Count) = (first / batchSize, Math.Min(batchSize, dataset.Count - first));
            for (int position = 0; position < batch.Count; position++)
            {
                int sample = first + position;
                batch.WritableSamples[position] = sample;
                batch.SetLabel(position, dataset.Label(sample));
                transform.Apply(dataset.Read(sample, scratch), batch.WritableImage(0, position));
            }

            yield return batch;
        }
    }
}
