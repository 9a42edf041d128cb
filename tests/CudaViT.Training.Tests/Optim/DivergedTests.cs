using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Optim;

/// <summary>
/// A step whose loss is a number, but whose gradient is none: it must stop before the update, which would make every
/// weight NaN.
/// </summary>
public sealed class DivergedTests
{
    [Theory, InlineData(double.NaN), InlineData(double.NegativeInfinity)]
    public void Pre_training_stops_before_the_update(double value)
    {
        using var backend = new CpuBackend(threads: 1);
        using var scope = new StepScope();
        var learner = new MoCoLearner(TinyRun.Settings, backend, Noise().Normalization);
        var random = new Random(1);
        double[] pixels = [.. Enumerable.Range(0, 4 * 64).Select(_ => random.NextDouble())];
        var view = new Tensor(NdArray.FromDoubles(backend, pixels, [4, 1, 8, 8], TinyRun.Settings.Dtype));

        Stops([.. learner.Model.Parameters()], value, () => learner.Step([view, view], epoch: 0.5));
    }

    [Theory, InlineData(double.NaN), InlineData(double.PositiveInfinity)]
    public void Fine_tuning_stops_before_the_update(double value)
    {
        using var backend = new CpuBackend(threads: 1);
        FineTuneSettings settings = FineTuneSettings.Of(null, "encoder.safetensors", TinyRun.Settings);
        settings = settings with { Recipe = settings.Recipe with { Batch = 4 } };
        InMemoryDataset images = Noise();
        var learner = new FineTuneLearner(settings, classes: 3, backend, images.Normalization);
        using var feed = BatchFeed.Of(
            images,
            settings.Views.ToViews(8, images.Normalization),
            new DataLoaderSettings { BatchSize = 4, Seed = 1, Epochs = 1 },
            learner.Input,
            backend);
        Assert.True(feed.TryNext(out DeviceBatch? batch));
        using var scope = new StepScope();

        Stops([.. learner.Model.Parameters()], value, () => learner.Step(batch, step: 0));
    }

    private static void Stops(Parameter[] parameters, double value, Action step)
    {
        byte[][] before = [.. parameters.Select(Bits)];
        parameters.Last(parameter => parameter.Value.RequiresGrad).Value.OnGradient(
            gradient => NdArray.Full(gradient.Backend, gradient.Shape, gradient.DType, value));

        var error = Assert.Throws<DivergedException>(step);

        Assert.StartsWith("step 1: the length of the gradient is ", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, parameters.Select(Bits));
    }

    private static byte[] Bits(Parameter parameter)
    {
        byte[] bits = new byte[parameter.Value.Data.SizeInBytes];
        parameter.Value.Backend.CopyToHost(parameter.Value.Data, bits);
        return bits;
    }

    private static InMemoryDataset Noise()
    {
        byte[] pixels = new byte[4 * 64];
        new Random(1).NextBytes(pixels);
        return new InMemoryDataset("noise", pixels, 8, 8, 1, [0, 1, 2, 0], classCount: 3);
    }
}
