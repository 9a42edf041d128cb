namespace CudaViT.Training.Evaluation;

/// <summary>Accuracies of the vote of one number of neighbours, 0 to 1.</summary>
/// <param name="K">Neighbours that vote.</param>
/// <param name="Accuracy">Share of the images whose class gets the most votes.</param>
/// <param name="Top5">Share of the images whose class is among the five with the most votes.</param>
/// <param name="RawPixels">The first among raw pixels in place of features.</param>
public sealed record KnnScore(int K, double Accuracy, double Top5, double RawPixels);
