namespace CudaViT.Training.Reports.Charts;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Color">A CSS colour.</param>
/// <param name="Points">From left to right.</param>
internal sealed record ChartLine(string Name, string Color, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>Draw the range of the measurements behind the line.</summary>
    public bool HasRange { get; init; }

    /// <summary>Mark every point.</summary>
    public bool HasDots { get; init; }

    /// <summary>A yardstick rather than a result.</summary>
    public bool IsDashed { get; init; }
}
