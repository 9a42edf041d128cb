using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// What one kind of run does differently from the others: what it trains, how it judges, what it leaves. The order in
/// which <see cref="RunLoop"/> calls these is the order in which they stand here.
/// </summary>
internal interface IRunKind
{
    /// <summary>Puts initial values in place that come from files. Writes nothing.</summary>
    /// <remarks>
    /// A new run does so before it has a folder, so that none is left behind by a file that does not fit; one that goes
    /// on does so if it has no checkpoint yet.
    /// </remarks>
    /// <exception cref="InputException">A file cannot be read, or does not fit.</exception>
    void Start();

    /// <summary>Goes on from a checkpoint.</summary>
    /// <param name="checkpoint">Whole, and of this run. Arrays are read in the caller's step scope.</param>
    /// <exception cref="InputException">It does not fit.</exception>
    void Load(Checkpoint checkpoint);

    /// <summary>Everything is ready: says what is about to be trained.</summary>
    /// <param name="position">Where the run is.</param>
    /// <param name="metrics">Where lines go; null in a run that keeps nothing.</param>
    void Begin(RunPosition position, MetricsLog? metrics);

    /// <summary>Begins to make batches, ahead of time.</summary>
    /// <param name="step">Steps done.</param>
    /// <returns>What to dispose when there are no more steps.</returns>
    IDisposable OpenFeed(long step);

    /// <summary>Makes a step and reports it: its line of metrics first, then its event.</summary>
    /// <param name="step">Number of the step, from 1.</param>
    /// <exception cref="InputException">The data cannot be read, or the numbers were left.</exception>
    void Step(long step);

    /// <summary>Judges what was trained, and reports it.</summary>
    /// <param name="number">Number of the evaluation, as <see cref="RunPlan.FirstEvaluation"/> counts.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="watch">Is told how far it is.</param>
    /// <returns>Accuracy, 0 to 1.</returns>
    /// <exception cref="OperationCanceledException">
    /// The run was asked to stop: nothing was reported, and the evaluation is made when the run goes on.
    /// </exception>
    double Evaluate(int number, long step, WorkWatch watch);

    /// <summary>Everything that is needed to go on; allocated in the caller's step scope.</summary>
    IReadOnlyList<NamedArray> State();

    /// <summary>
    /// Strings for the checkpoint's tensor file. No path, thread count or date: equal runs write equal bytes.
    /// </summary>
    IReadOnlyDictionary<string, string> Metadata();

    /// <summary>Writes what a run leaves besides checkpoints, and reports its result.</summary>
    /// <param name="isComplete">False when it was asked to stop before its last step or evaluation.</param>
    /// <param name="watch">Is told how far it is.</param>
    /// <exception cref="InputException">A file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The run was asked to stop before there was a result.</exception>
    void End(bool isComplete, WorkWatch watch);
}

/// <summary>What the loop must know of a run.</summary>
internal sealed record RunPlan
{
    /// <summary>What the run must share with its checkpoints.</summary>
    public required RunIdentity Identity { get; init; }

    /// <summary>
    /// Number of the first evaluation, which is that of the epoch it follows: 0 before the first step, 1 after the
    /// first epoch; null for none at all.
    /// </summary>
    public required int? FirstEvaluation { get; init; }

    /// <summary>Steps between checkpoints, besides the one after each epoch; null for those alone.</summary>
    public int? CheckpointEvery { get; init; }

    /// <summary>How many of the newest checkpoints stay.</summary>
    public int KeepCheckpoints { get; init; } = 2;

    /// <summary>What <c>settings.json</c> holds; null to write none.</summary>
    public required object? Settings { get; init; }

    /// <summary>Whether files that are no run's may lie in the folder.</summary>
    public bool SharesFolder { get; init; }

    /// <summary>The images of the run, and those among them that could not be decoded.</summary>
    public required LeftOutImages LeftOut { get; init; }

    /// <summary>Whether the latter are listed at the end; else the result has them.</summary>
    public bool ListsLeftOut { get; init; } = true;

    /// <summary>What to do with a run that is complete, for a message: <c>say --extend</c>.</summary>
    public required string Onward { get; init; }
}
