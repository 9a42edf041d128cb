namespace CudaViT.Training.Reports.Charts;

/// <summary>How a chart's vertical axis is chosen.</summary>
public enum ChartScale
{
    /// <summary>Around the values.</summary>
    Linear,

    /// <summary>From zero.</summary>
    FromZero,

    /// <summary>Shares from 0 to 1, written in per cent.</summary>
    Percent,

    /// <summary>By factors.</summary>
    Logarithmic,
}
