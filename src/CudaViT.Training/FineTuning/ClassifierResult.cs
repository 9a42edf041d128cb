using CudaViT.Training.Evaluation;

namespace CudaViT.Training.FineTuning;

/// <summary>What some weights came to: over the epochs, and in detail after the last.</summary>
/// <param name="Last">After the last epoch.</param>
/// <param name="Best">After the epoch with the highest top-1 accuracy, the first among equals.</param>
/// <param name="History">After every epoch.</param>
/// <param name="Classes">Every class after the last epoch.</param>
/// <param name="Confusion">
/// Held-out images after the last epoch by true class (row) and predicted class (column).
/// </param>
public sealed record ClassifierResult(
    FineTuneScore Last,
    FineTuneScore Best,
    IReadOnlyList<FineTuneScore> History,
    IReadOnlyList<ClassScore> Classes,
    IReadOnlyList<int[]> Confusion)
{
    /// <summary>Puts a result together.</summary>
    internal static ClassifierResult Of(
        IReadOnlyList<FineTuneScore> history, Tally tally, IReadOnlyList<string>? classNames) => new(
            history[^1],
            history.MaxBy(score => score.Top1)!,
            history,
            [.. tally.Classes(classNames)],
            tally.Confusion);
}
