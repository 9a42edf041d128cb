using System.Text.Json.Nodes;
using CudaViT.Cpu;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>What a run that goes on looks at, and what it carries on.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly TrainSettings _settings;

    public ResumeTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    // One more image, of which no batch has a place: the steps are as many as before.
    [Fact]
    public void Other_images_stop_a_run_with_what_differs_unless_it_may_go_on()
    {
        Train("a", stopAfter: 7);
        TinyRun.WriteData(_folder["data"], more: 1);
        string message = Assert.Throws<RunException>(() => Train("a", resume: true)).Message;
        Assert.Contains("51 images and 20 held out before, 52 and 20 held out now", message);
        Assert.Contains("the first that differs is train-images-idx3-ubyte", message);
        Assert.Contains("--accept-changed-data", message);
        Assert.DoesNotContain('\n', message);

        var progress = new SilentProgress();
        Assert.True(Train("a", resume: true, progress, accepts: true).IsComplete);
        Assert.Contains(
            progress.Notes, note => note.Contains("52 and 20 held out now") && note.Contains("going on all the same"));

        // From here on they are the images of the run.
        Assert.True(Train("a", resume: true).IsComplete);
        TinyRun.WriteData(_folder["data"]);
        Assert.Throws<RunException>(() => Train("a", resume: true));
    }

    [Fact]
    public void The_same_images_elsewhere_are_the_same()
    {
        Train("a", stopAfter: 7);
        Directory.Move(_folder["data"], _folder["moved"]);
        TrainSettings moved = _settings with { Data = new DataSettings { Path = _folder["moved"] } };
        Assert.True(ReportedRun.Of(moved, new RunFolder(_folder["a"]), _backend, new SilentProgress())
            .Run(resume: true, default).IsComplete);
    }

    // A run of an older version: there is nothing to compare with.
    [Fact]
    public void A_checkpoint_without_a_digest_goes_on()
    {
        Train("a", stopAfter: 7);
        string path = Directory.GetFiles(_folder["a", "checkpoints"], "*.json").Order().Last();
        JsonObject info = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        Assert.True(info.Remove("data"));
        Assert.True(info.Remove("leftOut"));
        File.WriteAllText(path, info.ToJsonString());
        Assert.True(Train("a", resume: true).IsComplete);
    }

    // The first evaluation and the one after epoch 1, at their first and at a later batch.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 9)]
    [InlineData(6, 0)]
    [InlineData(6, 5)]
    public void An_evaluation_that_is_interrupted_is_made_when_the_run_goes_on(int step, int advances)
    {
        Train("whole");
        using var stop = new CancellationTokenSource();
        var progress = new InterruptedEvaluation(step, advances, stop);
        TrainingResult result =
            ReportedRun.Of(_settings, new RunFolder(_folder["a"]), _backend, progress).Run(resume: false, stop.Token);
        Assert.Equal((false, step), (result.IsComplete, (int)result.Step));
        Assert.DoesNotContain(RunContent.Metrics(_folder["a"]), line => line.Contains($"\"evaluation\":{step / 6}"));
        Assert.True(Train("a", resume: true).IsComplete);
        RunContent.AssertSame(_folder["whole"], _folder["a"]);
    }

    // What the first process met is on the list of the second, which was done before it met anything.
    [Fact]
    public void Images_left_out_stay_on_the_list_of_a_run_that_goes_on()
    {
        TrainedModel model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _backend, TinyRun.Settings.Model), _backend);
        LinearSettings settings = LinearSettings.For(model.Settings.Model) with { Epochs = 2, Batch = 16 };
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        var folder = new RunFolder(_folder["probe"]);
        DatasetSplits damaged = new(new Damaging(data.Train, "b", "a"), new Damaging(data.HeldOut!, "c"));
        string[] names = [.. LinearProbe.Run(model, damaged, settings, new SilentWork(), folder)!.Report.LeftOut
            .Select(image => image.Name)];
        Assert.Equal(["a", "b", "c"], names);
        LinearResult again = LinearProbe.Run(model, data, settings, new SilentWork(), folder, resume: true)!;
        Assert.Equal(names, again.Report.LeftOut.Select(image => image.Name));
    }

    [Fact]
    public void The_list_is_one_of_both_processes()
    {
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        var leftOut = new LeftOutImages(new DatasetSplits(new Damaging(data.Train, "b", "c"), data.HeldOut));
        leftOut.GoOn([[new DamagedImage("c", "cut short"), new DamagedImage("a", "empty")], []]);
        Assert.Equal(["a", "b", "c"], leftOut.All.Select(image => image.Name));
        var lines = new List<string>();
        leftOut.List(lines.Add);
        Assert.Equal(4, lines.Count);
        Assert.EndsWith("3 of 51 images could not be decoded:", lines[0]);
        Assert.Equal("  a: empty", lines[1]);
    }

    private TrainingResult Train(
        string name,
        bool resume = false,
        SilentProgress? progress = null,
        int stopAfter = int.MaxValue,
        bool accepts = false)
    {
        using var stop = new CancellationTokenSource();
        progress ??= new SilentProgress(step =>
        {
            if (step.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        var folder = new RunFolder(_folder[name]) { AcceptsChangedData = accepts };
        return ReportedRun.Of(_settings, folder, _backend, progress).Run(resume, stop.Token);
    }

    /// <summary>Asks to stop within an evaluation.</summary>
    private sealed class InterruptedEvaluation(int step, int advances, CancellationTokenSource stop) : ITrainingProgress
    {
        private long _step;
        private int _left = advances;

        public void OnPrepare(RunPreparation preparation)
        {
        }

        public void OnStart(RunOverview overview)
        {
        }

        public void OnNote(string line)
        {
        }

        public void OnStep(StepMetrics metrics) => _step = metrics.Step;

        public void OnMonitor(MonitorMetrics monitor)
        {
        }

        public void OnEvaluation(EvaluationMetrics evaluation)
        {
        }

        public void OnWork(string what, long done, long total)
        {
            Assert.InRange(done, 1, total);
            if (_step == step && _left-- == 0)
            {
                stop.Cancel();
            }
        }
    }

    /// <summary>A data set that says of some images that they could not be decoded.</summary>
    private sealed class Damaging(IImageDataset inner, params string[] names) : IImageDataset
    {
        public string Name => inner.Name;

        public int Count => inner.Count;

        public int Channels => inner.Channels;

        public int ClassCount => inner.ClassCount;

        public IReadOnlyList<string>? ClassNames => inner.ClassNames;

        public Normalization Normalization => inner.Normalization;

        public IEnumerable<DatasetFile> Files => inner.Files;

        public IReadOnlyList<DamagedImage> Damaged => [.. names.Select(name => new DamagedImage(name, "cut short"))];

        public int Label(int index) => inner.Label(index);

        public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
            inner.Read(index, scratch, scale);
    }
}
