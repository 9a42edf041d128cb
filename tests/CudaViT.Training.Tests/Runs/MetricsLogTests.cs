using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

public sealed class MetricsLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["metrics.jsonl"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_line_is_an_object_with_its_clock_under_timing()
    {
        Write(log =>
        {
            log.Write(Evaluation(step: 0, evaluation: 0));
            log.Write(Step(1));
        });
        string[] lines = File.ReadAllLines(FilePath);
        Assert.Equal(2, lines.Length);
        Assert.Contains("\"knnAccuracy\":0.5", lines[0]);
        Assert.Contains("\"loss\":0.1,", lines[1]);
        Assert.EndsWith("\"timing\":{\"milliseconds\":3,\"imagesPerSecond\":4,\"waitingShare\":0.25}}", lines[1]);
    }

    // A checkpoint at step 2, before or after the evaluation that is due there.
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 4)]
    public void Resuming_cuts_off_what_the_checkpoint_does_not_cover(int evaluations, int kept)
    {
        Write(log =>
        {
            log.Write(Evaluation(step: 0, evaluation: 0));
            log.Write(Step(1));
            log.Write(Step(2));
            log.Write(Evaluation(step: 2, evaluation: 1));
            log.Write(Step(3));
        });
        string[] before = File.ReadAllLines(FilePath);

        using (MetricsLog log = MetricsLog.Resume(FilePath, step: 2, evaluations))
        {
            log.Write(Step(3));
        }

        Assert.Equal([.. before[..kept], before[^1]], File.ReadAllLines(FilePath));
    }

    // A kill within a write leaves part of a line; a crash of the machine may leave zeros.
    [Theory]
    [InlineData("{\"step\":3,\"epo")]
    [InlineData("\0\0\0\0\n\0\0")]
    [InlineData("{\"step\":3,\"epo\n{\"step\":1}\n")]
    public void A_torn_end_goes(string torn)
    {
        Write(log => log.Write(Step(1)));
        string whole = File.ReadAllText(FilePath);
        File.AppendAllText(FilePath, torn);

        MetricsLog.Resume(FilePath, step: 9, evaluations: 9).Dispose();
        Assert.Equal(whole, File.ReadAllText(FilePath));
    }

    [Fact]
    public void A_missing_file_begins_anew()
    {
        MetricsLog.Resume(FilePath, step: 5, evaluations: 1).Dispose();
        Assert.Equal("", File.ReadAllText(FilePath));
    }

    [Fact]
    public void Flushed_lines_are_on_disk_while_the_file_is_open()
    {
        using MetricsLog log = MetricsLog.Create(FilePath);
        log.Write(Step(1));
        log.Flush();
        using var reader = new StreamReader(
            new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.EndsWith("}\n", reader.ReadToEnd());
    }

    private static StepMetrics Step(long step) => new()
    {
        Step = step,
        Epoch = step / 2.0,
        Loss = 0.1,
        CollapseLoss = 2,
        LossOverCollapse = 0.05,
        Lr = 1e-3,
        Momentum = 0.99,
        GradientNorms = new PartNorms(0, 1, 2, 3, 4),
        OutputStd = 0.9,
        Timing = new StepTiming(3, 4, 0.25),
    };

    private static EvaluationMetrics Evaluation(long step, int evaluation) => new()
    {
        Step = step,
        Evaluation = evaluation,
        K = 20,
        KnnAccuracy = 0.5,
        RawPixelAccuracy = 0.25,
        Timing = new EvaluationTiming(1),
    };

    private void Write(Action<MetricsLog> write)
    {
        using MetricsLog log = MetricsLog.Create(FilePath);
        write(log);
    }
}
