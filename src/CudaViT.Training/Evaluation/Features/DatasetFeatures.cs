using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Evaluation.Features;

/// <summary>Features and labels of a whole data set.</summary>
/// <param name="Features">[N, D]; the caller's step scope owns them.</param>
/// <param name="Labels">[N].</param>
internal readonly record struct DatasetFeatures(NdArray Features, int[] Labels)
{
    /// <summary>Computes them, each image resized and cut as in evaluation.</summary>
    /// <param name="dataset">At least one image.</param>
    /// <param name="features">The encoder.</param>
    /// <param name="backend">Device to compute on.</param>
    /// <param name="imageSize">Height and width of the images that the encoder takes.</param>
    /// <param name="batchSize">Images whose features are computed at once.</param>
    /// <param name="watch">Is told how far it is; null for nobody.</param>
    /// <param name="what">What is done, for it.</param>
    /// <exception cref="OperationCanceledException"><paramref name="watch"/> was asked to stop.</exception>
    public static DatasetFeatures Compute(
        IImageDataset dataset,
        FeatureExtractor features,
        IBackend backend,
        int imageSize,
        int batchSize,
        WorkWatch? watch = null,
        string what = "features")
    {
        NdArray? all = null;
        int[] labels = new int[dataset.Count];
        int done = 0;
        foreach (ImageBatch batch in EvaluationBatches.Enumerate(dataset, imageSize, batchSize))
        {
            batch.Labels.CopyTo(labels.AsSpan(done));
            NdArray block;
            using (var scope = new StepScope())
            {
                block = scope.Keep(features(batch.View(0)));
            }

            all ??= NdArray.Empty(backend, [dataset.Count, block.Shape[1]], block.DType);
            backend.Copy(block, all.Rows(done, done + batch.Count));
            block.Storage.Release();
            done += batch.Count;
            watch?.Advance(what, done, dataset.Count);
        }

        // Damaged images are left out, and their room at the end is not used.
        return done == 0
            ? throw new DatasetException($"{dataset.Name}: no image can be decoded. Name another data set.")
            : new DatasetFeatures(all!.Rows(0, done), labels[..done]);
    }
}
