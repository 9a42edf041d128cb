namespace CudaViT.Training.Runs;

/// <summary>How far a run has come.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Evaluations">Evaluations done.</param>
/// <param name="Accuracy">Accuracy at this very step, 0 to 1; null if it was not measured here.</param>
/// <param name="BestAccuracy">Highest accuracy so far; null before the first.</param>
internal readonly record struct RunPosition(long Step, int Evaluations, double? Accuracy, double? BestAccuracy);
