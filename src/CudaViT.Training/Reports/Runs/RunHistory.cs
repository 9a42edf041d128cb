using System.Text.Json;
using CudaViT.Training.Optim;
using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Reports.Runs;

/// <summary>
/// All that <c>metrics.jsonl</c> tells, in memory that does not grow with the length of the run: it is read once, line
/// by line.
/// </summary>
internal sealed class RunHistory
{
    /// <summary>Lines of blocks in a chart; of deeper networks as many are shown, evenly spread.</summary>
    private const int MostBlocks = 8;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly SpikeFinder[] _watched =
        [new("patch projection"), new("first block"), new("last block"), new("heads")];

    private RunHistory()
    {
    }

    /// <summary>The newest step; null before the first.</summary>
    public StepMetrics? Last { get; private set; }

    /// <summary>The first and the newest evaluation.</summary>
    public (EvaluationMetrics First, EvaluationMetrics Last)? Evaluations { get; private set; }

    /// <summary>The evaluation with the highest accuracy, the first among equals.</summary>
    public EvaluationMetrics? Best { get; private set; }

    /// <summary>The newest reading of the monitor.</summary>
    public MonitorMetrics? Monitor { get; private set; }

    /// <summary>Time that steps took, waiting included.</summary>
    public TimeSpan Training { get; private set; }

    /// <summary>Part of it spent waiting for data.</summary>
    public TimeSpan Waiting { get; private set; }

    /// <summary>Time that evaluations and readings of the monitor took.</summary>
    public TimeSpan Evaluating { get; private set; }

    /// <summary>Images that all steps together took.</summary>
    public double Images { get; private set; }

    /// <summary>Loss by step.</summary>
    public Curve Loss { get; } = new();

    /// <summary>Learning rate by step.</summary>
    public Curve LearningRate { get; } = new();

    /// <summary>Momentum of the momentum encoder by step.</summary>
    public Curve Momentum { get; } = new();

    /// <summary>Spread of the queries by step.</summary>
    public Curve OutputStd { get; } = new();

    /// <summary>Share of a step's time spent waiting.</summary>
    public Curve WaitingShare { get; } = new();

    /// <summary>Images per second by step.</summary>
    public Curve Pace { get; } = new();

    /// <summary>Accuracy of the evaluations by step.</summary>
    public Curve Knn { get; } = new();

    /// <summary>The same among raw pixels.</summary>
    public Curve RawPixels { get; } = new();

    /// <summary>Accuracy of the monitor by step.</summary>
    public Curve MonitorKnn { get; } = new();

    /// <summary>Gradient norms of the parts by depth, with their names: input, blocks, heads.</summary>
    public IReadOnlyList<(string Name, Curve Norms)> Depths { get; private set; } = [];

    /// <summary>Norms over running medians, and their spikes.</summary>
    public IReadOnlyList<SpikeFinder> Watched => _watched;

    /// <summary>Reads a file; one that does not exist is empty.</summary>
    /// <remarks>A line that is not whole, as a killed process leaves it, ends the reading.</remarks>
    /// <exception cref="RunException">It cannot be read.</exception>
    public static RunHistory Read(string path)
    {
        var history = new RunHistory();
        if (!File.Exists(path))
        {
            return history;
        }

        try
        {
            using var reader = new StreamReader(path, new FileStreamOptions
            {
                Share = FileShare.ReadWrite, // the run may still be writing
                Options = FileOptions.SequentialScan,
            });
            while (reader.ReadLine() is { } line)
            {
                history.Add(line);
            }
        }
        catch (JsonException)
        {
            // What follows a damaged line is not trustworthy either.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}); expected the metrics of a run; name another with "
                + "--run.",
                e);
        }

        return history;
    }

    private void Add(string line)
    {
        if (line.Contains("\"knnAccuracy\"", StringComparison.Ordinal))
        {
            Add(Parse<EvaluationMetrics>(line));
        }
        else if (line.Contains("\"monitorAccuracy\"", StringComparison.Ordinal))
        {
            Add(Parse<MonitorMetrics>(line));
        }
        else
        {
            Add(Parse<StepMetrics>(line));
        }
    }

    private static T Parse<T>(string line) =>
        JsonSerializer.Deserialize<T>(line, Json) ?? throw new JsonException("no object");

    private void Add(EvaluationMetrics evaluation)
    {
        Knn.Add(evaluation.Step, evaluation.KnnAccuracy);
        RawPixels.Add(evaluation.Step, evaluation.RawPixelAccuracy);
        Evaluations = (Evaluations?.First ?? evaluation, evaluation);
        Best = Best is null || evaluation.KnnAccuracy > Best.KnnAccuracy ? evaluation : Best;
        Evaluating += TimeSpan.FromSeconds(evaluation.Timing.Seconds);
    }

    private void Add(MonitorMetrics monitor)
    {
        MonitorKnn.Add(monitor.Step, monitor.MonitorAccuracy);
        Monitor = monitor;
        Evaluating += TimeSpan.FromSeconds(monitor.Timing.Seconds);
    }

    private void Add(StepMetrics step)
    {
        (long x, Last) = (step.Step, step);
        Loss.Add(x, step.Loss);
        LearningRate.Add(x, step.Lr);
        Momentum.Add(x, step.Momentum);
        OutputStd.Add(x, step.OutputStd);
        WaitingShare.Add(x, step.Timing.WaitingShare);
        Pace.Add(x, step.Timing.ImagesPerSecond);
        var time = TimeSpan.FromMilliseconds(step.Timing.Milliseconds);
        Training += time;
        Waiting += time * Math.Clamp(step.Timing.WaitingShare, 0, 1);
        Images += step.Timing.ImagesPerSecond * time.TotalSeconds;
        AddNorms(x, step.GradientNorms);
    }

    private void AddNorms(long step, PartNorms norms)
    {
        IReadOnlyList<double?> blocks = norms.Blocks ?? [norms.FirstBlock, norms.LastBlock];
        if (Depths.Count == 0)
        {
            Depths = Names(blocks.Count, isComplete: norms.Blocks is not null);
        }

        Depths[0].Norms.Add(step, norms.PatchProjection);
        int shown = Depths.Count - 2;
        for (int i = 0; i < shown && blocks.Count > 0; i++)
        {
            Depths[1 + i].Norms.Add(step, blocks[Math.Min(BlockOf(i, shown, blocks.Count), blocks.Count - 1)]);
        }

        Depths[^1].Norms.Add(step, norms.Heads);
        double?[] watched = [norms.PatchProjection, norms.FirstBlock, norms.LastBlock, norms.Heads];
        for (int i = 0; i < _watched.Length; i++)
        {
            _watched[i].Add(step, watched[i]);
        }
    }

    private static (string, Curve)[] Names(int blocks, bool isComplete)
    {
        int shown = Math.Min(blocks, MostBlocks);
        return
        [
            ("patch projection", new Curve()),
            .. Enumerable.Range(0, shown).Select(i => (
                isComplete ? FormattableString.Invariant($"block {1 + BlockOf(i, shown, blocks)}")
                    : i == 0 ? "first block" : "last block",
                new Curve())),
            ("heads", new Curve()),
        ];
    }

    // The first, the last, and others between them at equal distances.
    private static int BlockOf(int line, int lines, int blocks) =>
        lines == 1 ? 0 : (int)Math.Round((double)line * (blocks - 1) / (lines - 1));
}
