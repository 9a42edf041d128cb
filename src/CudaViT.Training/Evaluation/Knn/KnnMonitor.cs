using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Evaluation.Knn;

/// <summary>
/// Watches kNN accuracy while training, without extra passes over the training images: the features that a step
/// computes anyway, of the first views and by the base encoder, go into a bank, and held-out images are classified by
/// those that are there.
/// </summary>
/// <remarks>
/// The curves of MoCo v3 (arXiv:2104.02057, appendix A) are drawn so, after Wu et al., arXiv:1805.01978: a tenth of the
/// training images, 200 neighbours. Older rows come from an older encoder, so the figure runs a little behind.
/// </remarks>
public sealed class KnnMonitor
{
    private readonly IImageDataset _heldOut;
    private readonly IImageDataset _sample;
    private readonly IBackend _backend;
    private readonly int _classCount;
    private readonly int _imageSize;
    private readonly EvaluationSettings _settings;

    /// <summary>Makes a monitor with an empty bank.</summary>
    /// <param name="data">A data set with labels and a held-out part.</param>
    /// <param name="backend">Device to compute on.</param>
    /// <param name="settings">Sizes of bank and sample, neighbours.</param>
    /// <param name="imageSize">Height and width of the images that the encoder takes.</param>
    /// <param name="width">Width of the features.</param>
    /// <param name="dtype">Type of the features: F32 or F64.</param>
    public KnnMonitor(
        DatasetSplits data, IBackend backend, EvaluationSettings settings, int imageSize, int width, DType dtype)
    {
        KnnEvaluation.RequirePossible(data);
        ArgumentNullException.ThrowIfNull(settings);
        (_backend, _settings, _imageSize) = (backend, settings, imageSize);
        (_heldOut, _classCount) = (data.HeldOut!, data.Train.ClassCount);

        // Spread over the held-out images rather than drawn: sets that are sorted by class keep all their classes.
        _sample = settings.MonitorImages < _heldOut.Count
            ? new DatasetSubset(_heldOut, settings.MonitorImages)
            : _heldOut;
        int capacity = Math.Max(1, (int)(settings.MonitorBankShare * data.Train.Count));
        Bank = new FeatureBank(backend, capacity, width, dtype);
    }

    /// <summary>What classifies.</summary>
    public FeatureBank Bank { get; }

    /// <summary>Share of held-out images whose class the nearest rows of the bank vote for, 0 to 1.</summary>
    /// <param name="features">The encoder.</param>
    /// <param name="all">All held-out images rather than the sample.</param>
    /// <returns>The share, and how many images it is of.</returns>
    /// <exception cref="InvalidOperationException">The bank is empty.</exception>
    public (double Accuracy, int Images) Measure(FeatureExtractor features, bool all)
    {
        if (Bank.Count == 0)
        {
            throw new InvalidOperationException("The bank is empty. Add the features of a step first.");
        }

        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        DatasetFeatures queries = DatasetFeatures.Compute(
            all ? _heldOut : _sample, features, _backend, _imageSize, _settings.Batch);
        KnnResult result = new KnnClassifier(Bank.Features, Bank.Labels, _classCount)
            .Classify(queries.Features, _settings.MonitorNeighbours);
        return (result.Accuracy(queries.Labels), queries.Labels.Length);
    }
}
