namespace CudaViT.Core;

/// <summary>What an array is for: a device that has no memory left tells how much each of these takes.</summary>
public enum MemoryRole
{
    /// <summary>Anything else that outlives a step.</summary>
    Other,

    /// <summary>Learned values and their averages.</summary>
    Parameters,

    /// <summary>Gradients of parameters.</summary>
    Gradients,

    /// <summary>What an optimizer remembers of each parameter.</summary>
    OptimizerState,

    /// <summary>Images and labels.</summary>
    Data,

    /// <summary>Results within a step, and what they leave behind for the backward pass.</summary>
    Activations,
}
