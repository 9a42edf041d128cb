namespace CudaViT.Training.Reports.Evaluations;

/// <summary>A line of a <see cref="ResultChart"/>.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Points">From left to right.</param>
public sealed record ResultLine(string Name, IReadOnlyList<(double X, double Y)> Points);
