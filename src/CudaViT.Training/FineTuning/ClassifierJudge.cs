using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Settings;

namespace CudaViT.Training.FineTuning;

/// <summary>Judges a classifier, and the average of its weights, by images that were held out.</summary>
/// <param name="learner">What is judged.</param>
/// <param name="heldOut">Images with labels.</param>
/// <param name="settings">Size of the images and how they are resized.</param>
internal sealed class ClassifierJudge(FineTuneLearner learner, IImageDataset heldOut, FineTuneSettings settings)
{
    /// <summary>Classifies every image.</summary>
    public (Tally Weights, Tally? Average) Judge()
    {
        var weights = new Tally(learner.Classes);
        Tally? average = learner.Average is null ? null : new Tally(learner.Classes);
        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(
            heldOut,
            settings.Pretraining.Model.ImageSize,
            settings.Pretraining.Evaluation.Batch,
            settings.TestShortSide(),
            settings.Views.Interpolation);
        foreach (ImageBatch batch in batches)
        {
            using var scope = new StepScope();
            Tensor images = learner.Input.ToTensor(batch.View(0));
            Count(weights, learner.Model, images, batch.Labels);
            if (average is not null)
            {
                Count(average, learner.Average!, images, batch.Labels);
            }
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
