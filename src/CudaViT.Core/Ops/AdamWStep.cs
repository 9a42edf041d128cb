namespace CudaViT.Core;

/// <summary>Updates parameters in place by Adam with decoupled weight decay.</summary>
/// <remarks>
/// u ← β₁u + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← (1 − λη)p − η·(u / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε), with learning
/// rate η and decay λ. I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", arXiv:1711.05101.
/// </remarks>
public static class AdamWStep
{
    /// <summary>Updates all parameters, one after another.</summary>
    /// <param name="slots">Parameters with gradients and both averages.</param>
    /// <param name="settings">The numbers of this update.</param>
    /// <exception cref="ArgumentException">Shapes or types within a slot differ.</exception>
    public static void Apply(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        OptimizerSlot.Check(slots, nameof(AdamWStep), hasSecond: true);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.Step);
        if (slots.Count > 0)
        {
            slots[0].Parameter.Backend.AdamWStep(slots, settings);
            OptimizerSlot.MarkChanged(slots);
        }
    }
}

public partial interface IBackend
{
    /// <summary>Updates parameters and both averages in place.</summary>
    void AdamWStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings);
}
