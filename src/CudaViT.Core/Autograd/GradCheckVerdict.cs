namespace CudaViT.Core;

/// <summary>Outcome of a gradient check, for one input or for all.</summary>
public enum GradCheckVerdict
{
    /// <summary>Every element agrees.</summary>
    Pass,

    /// <summary>The function has a kink within a step of some element, so that differences say nothing there.</summary>
    AtKink,

    /// <summary>The inputs or the result have no elements, so that nothing was shown.</summary>
    NothingCompared,

    /// <summary>Two identical calls gave different bits.</summary>
    NotRepeatable,

    /// <summary>An element disagrees, is not finite, or is missing.</summary>
    Wrong,
}
