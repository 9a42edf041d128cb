using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

/// <summary>Whole fine-tuning runs on every device.</summary>
public sealed class FineTuneDeviceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FineTuneSettings _settings;

    public FineTuneDeviceTests()
    {
        FineTuneSettings settings = TinyTuning.Prepare(_folder, Backends.Get(Backends.Cpu), epochs: 1);
        _settings = settings with { Recipe = settings.Recipe with { BaseLearningRate = 0.03 } };
    }

    public void Dispose() => _folder.Dispose();

    // Six steps: views, erased boxes, mixing and dropped paths are the same everywhere, so only rounding differs.
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_run_agrees_with_the_cpu_and_repeats_bit_for_bit(string backend)
    {
        double[] expected = Losses("cpu", Backends.Get(Backends.Cpu), _settings);
        double[] actual = Losses("first", Backends.Get(backend), _settings);
        Assert.Equal(TinyRun.StepsPerEpoch, expected.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-3));

        FineTuneSettings stopped = _settings with { Run = new RunSettings { CheckpointEvery = 4 } };
        Losses("second", Backends.Get(backend), stopped);
        RunContent.AssertSame(_folder["first"], _folder["second"]);
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Mixed_precision_stays_near(string backend)
    {
        double[] expected = Losses("cpu", Backends.Get(Backends.Cpu), _settings);
        double[] actual = Losses("bf16", Backends.Get(backend), _settings with { Dtype = DType.BF16 });
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 0.1)); // of losses about 1
    }

    private double[] Losses(string name, IBackend backend, FineTuneSettings settings)
    {
        Assert.NotNull(TinyTuning.Run(settings, _folder[name], backend).Report);
        return
        [
            .. RunContent.Metrics(_folder[name]).Select(line => JsonNode.Parse(line)!["loss"]).OfType<JsonNode>()
                .Select(loss => (double)loss),
        ];
    }
}
