namespace CudaViT.Training.Data;

/// <summary>Walks through a data set once, in order and without randomness, for features and accuracies.</summary>
public static class EvaluationBatches
{
    /// <summary>
    /// Yields batches of one view, the shorter side resized to <paramref name="imageSize"/> and centre-cropped.
    /// </summary>
    /// <param name="dataset">Any data set.</param>
    /// <param name="imageSize">Height and width of the result in pixels.</param>
    /// <param name="batchSize">The last batch has what is left.</param>
    /// <returns>The same batch, refilled each time: valid until the next one is asked for.</returns>
    /// <exception cref="DatasetException">An image cannot be read.</exception>
    public static IEnumerable<ImageBatch> Enumerate(IImageDataset dataset, int imageSize, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        return Walk(dataset, imageSize, batchSize);
    }

    private static IEnumerable<ImageBatch> Walk(IImageDataset dataset, int imageSize, int batchSize)
    {
        var batch = new ImageBatch(sizes: [imageSize], batchSize, dataset.Channels);
        var transform = new EvaluationTransform(imageSize, imageSize);
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
