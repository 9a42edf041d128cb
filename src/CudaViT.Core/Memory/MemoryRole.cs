using System.Diagnostics.CodeAnalysis;

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

/// <summary>
/// Says what the arrays are for that this thread allocates until the scope is disposed of. Scopes nest.
/// </summary>
[SuppressMessage("Performance", "CA1815", Justification = "Scopes are not compared.")]
public readonly struct MemoryRoleScope : IDisposable
{
    [ThreadStatic]
    private static MemoryRole? _current;

    private readonly MemoryRole? _outer;

    /// <summary>Opens a scope on this thread.</summary>
    public MemoryRoleScope(MemoryRole role)
    {
        _outer = _current;
        _current = role;
    }

    /// <summary>
    /// The innermost scope's; without one, activations inside a <see cref="StepScope"/> and other outside.
    /// </summary>
    public static MemoryRole Current =>
        _current ?? (StepScope.IsOpen ? MemoryRole.Activations : MemoryRole.Other);

    /// <summary>Returns to the outer scope.</summary>
    public void Dispose() => _current = _outer;
}
