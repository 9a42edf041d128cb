using System.Xml.Linq;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Sets;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Reports.Runs;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Reports;

public sealed class RunReportTests : IDisposable
{
    private static readonly string[] Sections =
        ["loss", "knn", "gradients", "pace", "views", "neighbours", "attention", "components", "run"];

    private readonly CpuBackend _backend = new();
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;

    public RunReportTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with
        {
            Data = new DataSettings { Path = _folder["data"] },
            Evaluation = TinyRun.Settings.Evaluation with { MonitorEvery = 2 },
        };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_run_leaves_a_page_with_everything_in_it_and_nothing_outside()
    {
        Train("a", _settings);
        XElement page = ReportPage.Parse(_folder["a", "report.html"]);
        Assert.Equal(Sections, page.Descendants("section").Attributes("id").Select(id => id.Value));
        Assert.DoesNotContain(page.Descendants(), element => (string?)element.Attribute("class") == "card none");
        string[] titles = [.. page.Descendants("h3").Select(title => title.Value)];
        Assert.Superset(
            new HashSet<string>
            {
                "Contrastive loss", "Learning rate", "Momentum of the momentum encoder", "kNN accuracy",
                "Gradient norm",
                "Gradient norm over its running median", "Share of the time spent waiting for data",
            },
            new HashSet<string>(titles));
        Assert.Contains("Spikes: ", page.Value); // 12 steps are too few for a median: none, but the part is there
        Assert.Equal(8 * 3, Images("views"));
        Assert.Equal(8 * (1 + 8), Images("neighbours"));
        Assert.Equal(6 * (1 + 2 + TinyRun.Settings.Model.Heads), Images("attention"));
        Assert.Equal(8 * 2, Images("components"));
        Assert.Contains("complete", page.Value);

        int Images(string section) => page.Descendants("section")
            .Single(element => (string?)element.Attribute("id") == section).Descendants("img").Count();
    }

    // An encoder that has not begun is not worth waiting for: its features cost as much as hundreds of steps.
    [Fact]
    public void Before_the_first_step_there_are_views_alone()
    {
        var pages = new List<XElement>();
        var work = new List<string>();
        var progress = new SilentProgress(step => pages.Add(ReportPage.Parse(_folder["a", "report.html"])), work.Add);
        ReportedRun.Of(_settings, new RunFolder(_folder["a"]), _backend, progress).Run(resume: false, default);
        Assert.Equal(8 * 3, Images(pages[0], "views"));
        Assert.All(
            ["neighbours", "attention", "components"], section => Assert.Equal(0, Images(pages[0], section)));
        Assert.Contains("Pictures of the encoder are made at the first checkpoint", pages[0].Value);
        Assert.Equal(8 * (1 + 8), Images(pages[TinyRun.StepsPerEpoch], "neighbours"));
        Assert.DoesNotContain("made at the first checkpoint", pages[TinyRun.StepsPerEpoch].Value);
        Assert.Superset(
            new HashSet<string>
            {
                "raw pixels of training images", "features of held-out images", "nearest neighbours",
                "images for pictures",
            },
            new HashSet<string>(work));

        static int Images(XElement page, string section) => page.Descendants("section")
            .Single(element => (string?)element.Attribute("id") == section).Descendants("img").Count();
    }

    [Fact]
    public void A_page_drawn_again_is_the_page_that_the_run_left()
    {
        Train("a", _settings);
        byte[] left = File.ReadAllBytes(_folder["a", "report.html"]);
        File.Delete(_folder["a", "report.html"]);
        (int status, string output, string error) =
            CommandRunner.Run("report", "--run", _folder["a"], "--device", "cpu");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains(_folder["a", "report.html"], output);
        Assert.Equal(left, File.ReadAllBytes(_folder["a", "report.html"]));
    }

    [Fact]
    public void A_run_that_was_cut_is_drawn_from_what_is_there()
    {
        Train("a", _settings, stopAfter: 8);
        byte[] left = File.ReadAllBytes(_folder["a", "report.html"]);
        Redraw("a");
        Assert.Equal(left, File.ReadAllBytes(_folder["a", "report.html"]));
        Assert.Contains("step 8 of 12", ReportPage.Parse(_folder["a", "report.html"]).Value);

        // As older versions left it, and a machine that lost its power: no record, and half a line at the end.
        File.Delete(_folder["a", "run.json"]);
        string[] lines = [.. File.ReadAllLines(_folder["a", "metrics.jsonl"]).Select(line =>
            System.Text.RegularExpressions.Regex.Replace(line, ",\"blocks\":\\[[^]]*\\]", ""))];
        File.WriteAllText(_folder["a", "metrics.jsonl"], string.Join('\n', lines) + "\n{\"step\":9,\"ep");
        Redraw("a");
        XElement page = ReportPage.Parse(_folder["a", "report.html"]);
        Assert.Contains("not recorded", page.Value);
        Assert.Contains("last block", page.Value);

        Directory.Delete(_folder["a", "checkpoints"], recursive: true);
        Redraw("a");
        Assert.Contains("there is no whole checkpoint yet", ReportPage.Parse(_folder["a", "report.html"]).Value);
    }

    [Fact]
    public void Data_that_moved_are_said_and_can_be_named()
    {
        Train("a", _settings);
        byte[] left = File.ReadAllBytes(_folder["a", "report.html"]);
        Directory.Move(_folder["data"], _folder["moved"]);
        (_, string output, _) = CommandRunner.Run("report", "--run", _folder["a"], "--device", "cpu");
        Assert.Contains("without pictures", output);
        Assert.Contains("there is no such file or folder", ReportPage.Parse(_folder["a", "report.html"]).Value);

        CommandRunner.Run("report", "--run", _folder["a"], "--device", "cpu", "--data", _folder["moved"]);
        Assert.Equal(left, File.ReadAllBytes(_folder["a", "report.html"]));
    }

    [Fact]
    public void A_folder_without_a_run_is_one_line()
    {
        (int status, _, string error) = CommandRunner.Run("report", "--run", _folder["data"], "--device", "cpu");
        Assert.Equal(1, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("there is no run in this folder", error);
    }

    // The same two steps, with pictures made between them and without: parameters, statistics, moments.
    [Fact]
    public void Pictures_change_nothing()
    {
        var states = new List<byte[][]>();
        foreach (bool makes in (bool[])[false, true])
        {
            DatasetSplits data = DatasetLocator.Open(_folder["data"]);
            var learner = new MoCoLearner(_settings, _backend, data.Train.Normalization);
            var input = new ImageInput(_settings, _backend, data.Train.Normalization);
            byte[] views = new byte[2 * 8 * 64];
            new Random(1).NextBytes(views);
            for (int step = 0; step < 2; step++)
            {
                using var stepScope = new StepScope();
                learner.Step(
                    [input.ToTensor(views.AsSpan(0, 8 * 64)), input.ToTensor(views.AsSpan(8 * 64))],
                    epoch: 1.5 + step);
                if (makes)
                {
                    PictureMaker.Make(learner.Model.BaseEncoder, _settings, data, _backend, step);
                    Assert.True(learner.Model.BaseEncoder.IsTraining);
                }
            }

            using var scope = new StepScope();
            states.Add([.. learner.State().Select(Bytes)]);
        }

        Assert.Equal(states[0], states[1]);
    }

    [Fact]
    public void A_report_that_cannot_be_written_is_one_note()
    {
        Train("whole", _settings);
        var progress = new SilentProgress();
        var folder = new RunFolder(_folder["a"], new FullDisk(room: 1000, report: true).Files);
        Assert.True(ReportedRun.Of(_settings, folder, _backend, progress).Run(resume: false, default).IsComplete);
        Assert.Single(progress.Notes, note => note.Contains("the report could not be written"));
        Assert.False(File.Exists(_folder["a", "report.html"]));
        RunContent.AssertSame(_folder["whole"], _folder["a"]);
    }

    [Fact]
    public void A_run_that_fails_leaves_its_curves()
    {
        TrainSettings wild = _settings with { Recipe = _settings.Recipe with { BaseLearningRate = 1e30 } };
        Assert.Throws<DivergedException>(() => Train("a", wild));
        Assert.Contains("ended in an error", ReportPage.Parse(_folder["a", "report.html"]).Value);
    }

    [Theory]
    [InlineData(Pooling.Mean)]
    [InlineData(Pooling.NormThenMean)]
    public void Without_a_class_token_all_tokens_show_where_they_look(Pooling pooling)
    {
        TrainSettings settings = _settings with { Model = _settings.Model with { Pooling = pooling } };
        RunPictures pictures = Pictures(settings);
        Assert.All(pictures.Attention, row => Assert.Equal((2, 2), (row.Mean.Height, row.Mean.Width)));
        Assert.Equal(3, pictures.Components!.Shares.Count);
    }

    [Fact]
    public void ResNets_have_no_tokens_and_the_page_says_so()
    {
        TrainSettings settings = _settings with
        {
            Model = _settings.Model with { Architecture = Architecture.ResNet50, ImageSize = 32 },
        };
        RunPictures pictures = Pictures(settings);
        Assert.Empty(pictures.Attention);
        Assert.Null(pictures.Components);

        var folder = new RunFolder(_folder["a"]);
        folder.Create();
        folder.WriteSettings(settings);
        RunReport.Write(folder, pictures);
        XElement page = ReportPage.Parse(folder.ReportPath);
        Assert.Equal(2, page.Descendants("p").Count(line =>
            line.Value.StartsWith("ResNet-50 has no attention", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_names_say_is_text()
    {
        Train("a", _settings, stopAfter: 1);
        const string Hostile = "<script>alert(1)</script>\u0007\"'&";
        new RunFolder(_folder["a"]).WriteRecord(RunRecord.TryRead(_folder["a", "run.json"])! with
        {
            Data = Hostile,
            Damaged = [new DamagedImage("</td><img src=x onerror=alert(1)>", Hostile)],
        });
        RunReport.Write(new RunFolder(_folder["a"]), pictures: null, Hostile);
        XElement page = ReportPage.Parse(_folder["a", "report.html"]);
        Assert.Contains("</td><img src=x onerror=alert(1)>", page.Value);
        Assert.Contains("<script>alert(1)</script>\uFFFD\"'&", page.Value);
        Assert.Empty(page.Descendants("img"));
    }

    [SkippableFact]
    public void A_browser_finds_nothing_wrong()
    {
        Train("a", _settings);
        ReportPage.AssertSilentInBrowser(_folder["a", "report.html"]);
    }

    private static byte[] Bytes(NamedArray named)
    {
        byte[] bytes = new byte[named.Array.SizeInBytes];
        named.Array.Backend.CopyToHost(named.Array, bytes);
        return bytes;
    }

    private RunPictures Pictures(TrainSettings settings)
    {
        var encoder = Encoders.Create(settings.Model);
        encoder.Initialize(_backend, DType.F32, seed: 1);
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        return PictureMaker.Make(encoder, settings, data with { HeldOut = null }, _backend, step: 0);
    }

    private void Redraw(string name) => RunRedraw.Write(
        new RunFolder(_folder[name]), data: null, _backend, _ => null, new SilentWork());

    private void Train(string name, TrainSettings settings, int stopAfter = int.MaxValue)
    {
        using var stop = new CancellationTokenSource();
        var progress = new SilentProgress(step =>
        {
            if (step.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        ReportedRun.Of(settings, new RunFolder(_folder[name]), _backend, progress).Run(resume: false, stop.Token);
        Assert.DoesNotContain(progress.Notes, note => note.Contains("report", StringComparison.Ordinal));
    }
}
