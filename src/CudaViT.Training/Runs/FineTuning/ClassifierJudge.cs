using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Models;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>Judges a classifier, and the average of its weights, by images that were held out.</summary>
/// <param name="learner">What is judged.</param>
/// <param name="heldOut">Images with labels.</param>
/// <param name="settings">Size of the images and how they are resized.</param>
internal sealed class ClassifierJudge(FineTuneLearner learner, IImageDataset heldOut, FineTuneSettings settings)
{
    /// <summary>Classifies every image.</summary>
    /// <param name="watch">Is told how far it is.</param>
    /// <exception cref="OperationCanceledException"><paramref name="watch"/> was asked to stop.</exception>
    public (Tally Weights, Tally? Average) Judge(WorkWatch watch)
    {
        var weights = new Tally(learner.Classes);
        Tally? average = learner.Average is null ? null : new Tally(learner.Classes);
        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(
            heldOut,
            settings.Pretraining.Model.ImageSize,
            settings.Pretraining.Evaluation.Batch,
            settings.TestShortSide(),
            settings.Views.Interpolation);
        int done = 0;
        foreach (ImageBatch batch in batches)
        {
            using var scope = new StepScope();
            Tensor images = learner.Input.ToTensor(batch.View(0));
            Count(weights, learner.Model, images, batch.Labels);
            if (average is not null)
            {
                Count(average, learner.Average!, images, batch.Labels);
            }

            done += batch.Count;
            watch.Advance("held-out images", done, heldOut.Count);
        }

        return (weights, average);
    }

    private void Count(Tally tally, Classifier classifier, Tensor images, ReadOnlySpan<int> labels)
    {
        double[] logits = learner.Judge(classifier, images);
        for (int i = 0; i < labels.Length; i++)
        {
            tally.Add(logits.AsSpan(i * learner.Classes, learner.Classes), labels[i]);
        }
    }
}

/// <summary>What some weights came to: over the epochs, and in detail after the last.</summary>
/// <param name="Last">After the last epoch.</param>
/// <param name="Best">After the epoch with the highest top-1 accuracy, the first among equals.</param>
/// <param name="History">After every epoch.</param>
/// <param name="Classes">Every class after the last epoch.</param>
/// <param name="Confusion">
/// Held-out images after the last epoch by true class (row) and predicted class (column).
/// </param>
public sealed record ClassifierResult(
    FineTuneScore Last,
    FineTuneScore Best,
    IReadOnlyList<FineTuneScore> History,
    IReadOnlyList<ClassScore> Classes,
    IReadOnlyList<int[]> Confusion)
{
    /// <summary>Puts a result together.</summary>
    internal static ClassifierResult Of(
        IReadOnlyList<FineTuneScore> history, Tally tally, IReadOnlyList<string>? classNames) => new(
            history[^1],
            history.MaxBy(score => score.Top1)!,
            history,
            [.. tally.Classes(classNames)],
            tally.Confusion);
}
