namespace CudaViT.Training.Reports.Charts;

/// <summary>A place in a chart that deserves attention.</summary>
/// <param name="X">Where.</param>
/// <param name="Y">Where.</param>
/// <param name="Color">A CSS colour.</param>
/// <param name="Text">Shown when the pointer rests on it.</param>
internal readonly record struct ChartMark(double X, double Y, string Color, string Text);
