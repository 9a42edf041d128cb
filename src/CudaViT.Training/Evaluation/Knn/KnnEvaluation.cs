using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Evaluation.Knn;

/// <summary>
/// Judges an encoder by kNN: features of all training images vote on the class of every held-out image. Raw pixels in
/// place of features are the yardstick.
/// </summary>
public sealed class KnnEvaluation
{
    private readonly IImageDataset _train;
    private readonly IImageDataset _heldOut;
    private readonly IBackend _backend;
    private readonly int _imageSize;
    private readonly int _batch;

    /// <summary>Makes an evaluation.</summary>
    /// <param name="data">A data set with labels and a held-out part; see <see cref="IsPossible"/>.</param>
    /// <param name="backend">Device to compute on.</param>
    /// <param name="imageSize">Height and width of the images that the encoder takes.</param>
    /// <param name="batch">Images whose features are computed at once.</param>
    /// <exception cref="ArgumentException">The data set has no labels or no held-out part.</exception>
    public KnnEvaluation(DatasetSplits data, IBackend backend, int imageSize, int batch)
    {
        if (!IsPossible(data))
        {
            throw new ArgumentException($"{data.Train.Name} has no labels or no held-out part.", nameof(data));
        }

        (_train, _heldOut) = (data.Train, data.HeldOut!);
        (_backend, _imageSize, _batch) = (backend, imageSize, batch);
    }

    /// <summary>
    /// Is told how far each of the following is, and ends it when somebody asks to stop; null for nobody.
    /// </summary>
    /// <remarks>They then throw an <see cref="OperationCanceledException"/>.</remarks>
    public WorkWatch? Watch { get; set; }

    /// <summary>Whether a data set has labels and a held-out part.</summary>
    public static bool IsPossible(DatasetSplits data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Train.ClassCount > 0 && data.HeldOut is not null;
    }

    /// <summary>Throws unless <see cref="IsPossible"/>.</summary>
    /// <exception cref="DatasetException">There are no labels, or nothing is held out.</exception>
    public static void RequirePossible(DatasetSplits data)
    {
        if (!IsPossible(data))
        {
            throw new DatasetException(
                $"{data.Train.Name}: there are no labels or no held-out images; expected both; name a folder that has "
                + "them, or give labels with --labels FILE.csv and hold some images out with --hold-out 0.1.");
        }
    }

    /// <summary>Accuracy of the vote among features, for several numbers of neighbours.</summary>
    /// <param name="features">
    /// Maps pixels [count, size, size, channels] to features [count, D]; called in a step scope without recording.
    /// </param>
    /// <param name="neighbours">Numbers of neighbours that vote.</param>
    /// <returns>One share of right answers, 0 to 1, for each of <paramref name="neighbours"/>.</returns>
    public double[] Accuracies(FeatureExtractor features, params ReadOnlySpan<int> neighbours)
    {
        (KnnResult result, int[] labels) = Classify(features, neighbours, "features");
        return [.. neighbours.ToArray().Select(k => result.Accuracy(labels, k))];
    }

    /// <summary>Right and wrong answers of the vote among features, for several numbers of neighbours.</summary>
    /// <param name="features">The encoder.</param>
    /// <param name="neighbours">Numbers of neighbours that vote.</param>
    /// <returns>One tally for each of <paramref name="neighbours"/>.</returns>
    internal IReadOnlyList<Tally> Tallies(FeatureExtractor features, params ReadOnlySpan<int> neighbours)
    {
        (KnnResult result, int[] labels) = Classify(features, neighbours, "features");
        var tallies = new List<Tally>();
        foreach (int k in neighbours)
        {
            var tally = new Tally(_train.ClassCount);
            for (int query = 0; query < labels.Length; query++)
            {
                // A class without a vote is no answer, not the fifth best.
                double[] scores = Array.ConvertAll(
                    result.Scores(query, k), score => score > 0 ? score : double.NegativeInfinity);
                tally.Add(scores, labels[query]);
            }

            tallies.Add(tally);
        }

        return tallies;
    }

    /// <summary>Accuracy of the vote among the pixels themselves.</summary>
    /// <param name="neighbours">Numbers of neighbours that vote.</param>
    public double[] RawPixelAccuracies(params ReadOnlySpan<int> neighbours)
    {
        (KnnResult result, int[] labels) = Classify(
            pixels => NdArray.From(_backend, pixels, [pixels.Length / PixelsPerImage, PixelsPerImage]).Cast(DType.F32),
            neighbours,
            "raw pixels");
        return [.. neighbours.ToArray().Select(k => result.Accuracy(labels, k))];
    }

    private int PixelsPerImage => _imageSize * _imageSize * _train.Channels;

    private (KnnResult Result, int[] Labels) Classify(
        FeatureExtractor features, ReadOnlySpan<int> neighbours, string what)
    {
        int most = 1;
        foreach (int k in neighbours)
        {
            most = Math.Max(most, k);
        }

        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        (NdArray train, int[] trainLabels) = Extract(_train, features, $"{what} of training images");
        (NdArray heldOut, int[] heldOutLabels) = Extract(_heldOut, features, $"{what} of held-out images");
        return (new KnnClassifier(train, trainLabels, _train.ClassCount).Classify(heldOut, most, Watch), heldOutLabels);
    }

    private DatasetFeatures Extract(IImageDataset dataset, FeatureExtractor features, string what) =>
        DatasetFeatures.Compute(dataset, features, _backend, _imageSize, _batch, Watch, what);
}
