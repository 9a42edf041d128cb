using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.ResNet;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.ResNet;

public sealed class ResNet50Tests
{
    private static readonly ModelSettings Small = ModelSettings.ResNet50 with
    {
        ImageSize = 32,
        HeadHidden = 16,
        HeadOutput = 8,
    };

    [Fact]
    public void It_has_the_published_sizes_and_names()
    {
        var model = new MoCoV3(ModelSettings.ResNet50, temperature: 1);
        Assert.Equal(9_445_376, model.BaseEncoder.Projector.ParameterCount);
        Assert.Equal(2_105_344, model.Predictor!.ParameterCount);

        // 25,557,032 of the classifier's network less its 2048 x 1000 + 1000.
        Assert.Equal(23_508_032, model.BaseEncoder.ParameterCount - 9_445_376);
        string[] names = [.. model.BaseEncoder.Parameters().Select(parameter => parameter.Name)];
        Assert.Equal("base_encoder.conv1.weight", names[0]);
        Assert.Contains("base_encoder.layer1.0.downsample.1.bias", names);
        Assert.Contains("base_encoder.layer4.2.bn3.weight", names);
        string[] head = ["fc.0.weight", "fc.1.weight", "fc.1.bias", "fc.3.weight"];
        Assert.Equal(head.Select(name => $"base_encoder.{name}"), names[^4..]);
    }

    [Fact]
    public void A_step_reaches_every_parameter_and_the_predictor_ends_without_normalization()
    {
        using TestRun run = Backends.Open("cpu");
        var model = new MoCoV3(Small, temperature: 1);
        model.Initialize(run.Backend, DType.F32, seed: 1);

        MoCoOutput output = model.Loss(
            new Tensor(run.Normal([2, 3, 32, 32], DType.F32, seed: 1).Data),
            new Tensor(run.Normal([2, 3, 32, 32], DType.F32, seed: 2).Data),
            momentum: 0.99);
        output.Loss.Backward();

        Assert.All(
            model.BaseEncoder.Parameters().Concat(model.Predictor!.Parameters()),
            parameter => Assert.NotNull(parameter.Value.Grad));
        Assert.Equal([2, 8], output.Q1.Shape);
        Assert.DoesNotContain(model.State(), entry => entry.Name.StartsWith("predictor.4", StringComparison.Ordinal));
        Assert.Equal([2, 2048], model.Features(new Tensor(run.Normal([2, 3, 32, 32], DType.F32, seed: 3).Data)).Shape);
    }

    [Fact]
    public void A_bottleneck_starts_as_the_identity()
    {
        using TestRun run = Backends.Open("cpu");
        var block = new Bottleneck(inputs: 16, width: 4, stride: 1);
        block.Initialize(run.Backend, DType.F32, seed: 1);
        Tensor x = Relu.Apply(run.Normal([2, 16, 5, 3], DType.F32, seed: 1));

        Assert.Equal(x.Data.ToArray<float>(), block.Forward(x).Data.ToArray<float>());
    }

    [Fact]
    public void A_bottleneck_with_a_stride_halves_the_image_and_widens_it()
    {
        using TestRun run = Backends.Open("cpu");
        var block = new Bottleneck(inputs: 16, width: 8, stride: 2);
        block.Initialize(run.Backend, DType.F32, seed: 1);
        Assert.Equal([2, 32, 3, 2], block.Forward(run.Normal([2, 16, 5, 3], DType.F32, seed: 1)).Shape);
    }
}
