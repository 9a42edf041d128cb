namespace CudaViT.Training.Reports.Charts;

/// <summary>A place on a curve that stands for one or more measurements.</summary>
/// <param name="X">Where: the middle of the measurements.</param>
/// <param name="Y">What the line shows: their mean, smoothed or not.</param>
/// <param name="Low">The smallest of them.</param>
/// <param name="High">The largest of them.</param>
internal readonly record struct CurvePoint(double X, double Y, double Low, double High);
