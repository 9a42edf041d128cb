using System.Text.Json.Nodes;
using System.Xml.Linq;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Reports;

public sealed class ClassificationPageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Knn_and_linear_probe_leave_their_pages()
    {
        TinyRun.WriteData(_folder["data"]);
        using (var backend = new Cpu.CpuBackend())
        {
            ModelFile.Write(_folder["model.safetensors"], backend, TinyRun.Settings.Model);
        }

        string[] common = ["--checkpoint", _folder["model.safetensors"], "--data", _folder["data"], "--device", "cpu"];
        (int status, string output, string error) = CommandRunner.Run(["knn", .. common, "--out", _folder["knn"]]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("knn.json, report.html", output);
        (status, output, error) = CommandRunner.Run(
            ["linear", .. common, "--epochs", "2", "--lr", "0.1,1", "--out", _folder["linear"]]);
        Assert.Equal((0, ""), (status, error));
        foreach (string name in (string[])["knn", "linear"])
        {
            JsonNode json = JsonNode.Parse(File.ReadAllText(_folder[name, $"{name}.json"]))!;
            XElement page = ReportPage.Parse(_folder[name, "report.html"]);
            Assert.Equal(
                ["curves", "confusion", "classes", "run"],
                page.Descendants("section").Attributes("id").Select(id => id.Value));
            Assert.Contains(FormattableString.Invariant($"{100 * (double)json["top1"]!:0.0} %"), page.Value);
            int images = json["confusion"]!.AsArray().Sum(row => row!.AsArray().Sum(count => (int)count!));
            Assert.Equal(20, images);
            Assert.Equal(3, json["classes"]!.AsArray().Count);
        }

        ReportPage.AssertSilentInBrowser(_folder["linear", "report.html"]);
    }

    [Fact]
    public void The_accuracies_of_knn_are_those_of_its_confusion_matrix()
    {
        TinyRun.WriteData(_folder["data"]);
        using var backend = new Cpu.CpuBackend();
        string file = ModelFile.Write(_folder["model.safetensors"], backend, TinyRun.Settings.Model);
        var report = KnnReport.Make(
            TrainedModel.Open(file, backend), DatasetLocator.Open(_folder["data"]), 1, 5, 20);
        Assert.Equal(
            [.. new KnnEvaluation(DatasetLocator.Open(_folder["data"]), backend, TinyRun.Settings.Model.ImageSize, 7)
                .Accuracies(TrainedModel.Open(file, backend).Extractor(
                    DatasetLocator.Open(_folder["data"]).Train.Normalization), 1, 5, 20)],
            report.Knn.Select(score => score.Accuracy).ToArray());
        Assert.Equal(report.Knn.Max(score => score.Accuracy), report.Top1);
        Assert.Equal(report.Top1, report.Confusion.Select((row, i) => row[i]).Sum() / 20.0);

        // With one neighbour there is one answer: five of them are no better.
        Assert.Equal(report.Knn[0].Accuracy, report.Knn[0].Top5);
        Assert.Equal(1, report.Knn[2].Top5); // three classes, all of which have votes
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(30, 1)]
    [InlineData(100, 1)]
    [InlineData(101, 0)]
    [InlineData(1000, 0)]
    public void Large_matrices_are_summarised(int classes, int maps)
    {
        Page(classes).Write(_folder.Path, new DurableFiles());
        XElement page = ReportPage.Parse(_folder["report.html"]);
        Assert.Equal(maps, page.Descendants("svg").Count(svg => (string?)svg.Attribute("class") == "confusion"));
        Assert.Equal(classes + 1 + (classes > 25 ? 1 : 0), page.Descendants("section")
            .Single(section => (string?)section.Attribute("id") == "classes").Descendants("tr").Count());
        Assert.Contains("Most frequent confusions", page.Value);
        Assert.InRange(new FileInfo(_folder["report.html"]).Length, 1, 3 << 20);
    }

    [Fact]
    public void What_classes_are_called_is_text()
    {
        const string Hostile = "<img src=x>&\"\u0001";
        ClassificationPage page = Page(3);
        page = page with { Classes = [.. page.Classes.Select(score => score with { Name = Hostile })] };
        page.Write(_folder.Path, new DurableFiles());
        Assert.Contains("<img src=x>&\"\uFFFD", ReportPage.Parse(_folder["report.html"]).Value);
    }

    // Every class is taken for every class, as in the worst of matrices.
    private static ClassificationPage Page(int classes)
    {
        int[][] confusion = [.. Enumerable.Range(0, classes).Select(row =>
            Enumerable.Range(0, classes).Select(column => row == column ? 50 : 1 + ((row + column) % 3)).ToArray())];
        return new ClassificationPage
        {
            Title = "Test",
            Checkpoint = "file",
            Data = "data",
            Top1 = 0.5,
            Top5 = 0.75,
            Facts = [("seed", "0")],
            Classes = [.. confusion.Select((row, i) =>
                new ClassScore(i, $"class number {i}", row.Sum(), i / 2000.0, null))],
            Confusion = confusion,
            LeftOut = [],
        };
    }
}
