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

/// <summary>The numbers of an <see cref="AdamWStep"/> or <see cref="LambStep"/>.</summary>
/// <param name="LearningRate">Step size; 0 leaves the parameters alone but moves the averages.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="Beta1">Decay of the average of the gradient.</param>
/// <param name="Beta2">Decay of the average of its square.</param>
/// <param name="Epsilon">Added to the root of the second average.</param>
/// <param name="Step">Number of this update, from 1: corrects the averages' start from zero.</param>
public readonly record struct AdamSettings(
    double LearningRate, double WeightDecay, double Beta1, double Beta2, double Epsilon, long Step)
{
    /// <summary>1 − β₁ᵗ.</summary>
    public double Correction1 => 1 - Math.Pow(Beta1, Step);

    /// <summary>1 − β₂ᵗ.</summary>
    public double Correction2 => 1 - Math.Pow(Beta2, Step);
}
