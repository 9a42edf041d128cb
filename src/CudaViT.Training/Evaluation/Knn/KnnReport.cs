using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Evaluation.Knn;

/// <summary>Result of an evaluation by nearest neighbours: <c>knn.json</c>.</summary>
public sealed record KnnReport
{
    /// <summary>The file of the encoder.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Name of the data.</summary>
    public required string Data { get; init; }

    /// <summary>Training images that voted.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Held-out images that were classified.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>Images that could not be decoded and were left out.</summary>
    public required IReadOnlyList<DamagedImage> LeftOut { get; init; }

    /// <summary>Every number of neighbours.</summary>
    public required IReadOnlyList<KnnScore> Knn { get; init; }

    /// <summary>The one with the highest accuracy, the first among equals; what follows is of its vote.</summary>
    public required int ChosenK { get; init; }

    /// <summary>Top-1 accuracy, 0 to 1.</summary>
    public required double Top1 { get; init; }

    /// <summary>Top-5 accuracy.</summary>
    public required double Top5 { get; init; }

    /// <summary>Every class.</summary>
    public required IReadOnlyList<ClassScore> Classes { get; init; }

    /// <summary>Held-out images by true class (row) and predicted class (column).</summary>
    public required IReadOnlyList<int[]> Confusion { get; init; }

    /// <summary>Judges an encoder, next to raw pixels.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="data">Images with labels and a held-out part.</param>
    /// <param name="neighbours">Numbers of neighbours, at least one.</param>
    /// <exception cref="InputException">
    /// Images cannot be read, do not fit, or have features that are not finite.
    /// </exception>
    public static KnnReport Make(TrainedModel model, DatasetSplits data, params IReadOnlyList<int> neighbours)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        KnnEvaluation.RequirePossible(data);
        model.RequireFit(data.Train);
        var evaluation = new KnnEvaluation(
            data, model.Backend, model.Settings.Model.ImageSize, model.Settings.Evaluation.Batch);
        IReadOnlyList<Tally> tallies =
            evaluation.Tallies(model.Extractor(data.Train.Normalization), [.. neighbours]);
        double[] rawPixels = evaluation.RawPixelAccuracies([.. neighbours]);
        int chosen = Enumerable.Range(0, tallies.Count).MaxBy(i => tallies[i].Top1); // the first among equals
        return new KnnReport
        {
            Checkpoint = model.Path,
            Data = data.Train.Name,
            TrainImages = data.Train.Count - data.Train.Damaged.Count,
            HeldOutImages = data.HeldOut!.Count - data.HeldOut.Damaged.Count,
            LeftOut = [.. data.Train.Damaged, .. data.HeldOut.Damaged],
            Knn = [.. tallies.Select((tally, i) => new KnnScore(neighbours[i], tally.Top1, tally.Top5, rawPixels[i]))],
            ChosenK = neighbours[chosen],
            Top1 = tallies[chosen].Top1,
            Top5 = tallies[chosen].Top5,
            Classes = [.. tallies[chosen].Classes(data.Train.ClassNames)],
            Confusion = tallies[chosen].Confusion,
        };
    }
}

/// <summary>Accuracies of the vote of one number of neighbours, 0 to 1.</summary>
/// <param name="K">Neighbours that vote.</param>
/// <param name="Accuracy">Share of the images whose class gets the most votes.</param>
/// <param name="Top5">Share of the images whose class is among the five with the most votes.</param>
/// <param name="RawPixels">The first among raw pixels in place of features.</param>
public sealed record KnnScore(int K, double Accuracy, double Top5, double RawPixels);
