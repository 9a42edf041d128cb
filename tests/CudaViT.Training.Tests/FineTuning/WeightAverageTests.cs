using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

/// <summary>The moving average of the weights, step by step.</summary>
public sealed class WeightAverageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1, poison: true);

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    // average = m * average + (1 - m) * weights, with the weights as the step leaves them: an average that is taken
    // before the update runs a step behind, and after one step would still be the start.
    [Fact]
    public void The_average_takes_in_the_weights_after_the_update()
    {
        FineTuneSettings settings = TinyTuning.Prepare(_folder, _backend);
        var images = DatasetLocator.Open(_folder["data"]).Train;
        var learner = new FineTuneLearner(settings, classes: 3, _backend, images.Normalization);
        learner.Start(settings.Checkpoint!);
        using var feed = BatchFeed.Of(
            images,
            settings.Views.ToViews(settings.ModelSettings(3).Model.ImageSize, images.Normalization),
            new DataLoaderSettings { BatchSize = settings.Recipe.Batch, Seed = 1, Epochs = 1 },
            learner.Input,
            _backend);
        Dictionary<string, double[]> average = Values(learner.Model.State());
        bool hasMoved = false;
        for (int step = 0; step < 3; step++)
        {
            Assert.True(feed.TryNext(out DeviceBatch? batch));
            double momentum = (1.0 + step) / (10 + step); // the 0.9 that was asked for is reached after 80 steps
            Dictionary<string, double[]> before = Values(learner.Model.State());
            using (var scope = new StepScope())
            {
                learner.Step(batch, step);
            }

            Dictionary<string, double[]> weights = Values(learner.Model.State());
            foreach ((string name, double[] values) in Values(learner.Average!.State()))
            {
                average[name] =
                    [.. average[name].Zip(weights[name], (old, now) => (momentum * old) + ((1 - momentum) * now))];
                ModelAssert.Within(average[name], values, $"{name} after step {step + 1}", 1e-6);
                hasMoved |= before[name].Zip(weights[name], (old, now) => Math.Abs(old - now)).Max() > 1e-3;
            }
        }

        Assert.True(hasMoved, "The steps were too small to tell before from after.");
    }

    [Theory]
    [InlineData(0.99996, 0, 0.1)]
    [InlineData(0.99996, 90, 0.91)]
    [InlineData(0.99996, 990, 0.991)]
    [InlineData(0.99996, 300_000, 0.99996)]
    [InlineData(0.5, 90, 0.5)]
    public void The_momentum_comes_up_to_the_one_that_was_asked_for(double asked, long step, double expected) =>
        Assert.Equal(expected, FineTuneLearner.AverageMomentum(asked, step), 1e-15);

    private static Dictionary<string, double[]> Values(IReadOnlyList<NamedArray> state)
    {
        using var scope = new StepScope();
        return state.Where(named => named.Array.DType.IsFloatingPoint())
            .ToDictionary(named => named.Name, named => named.Array.ToDoubles());
    }
}
