namespace CudaViT.Core;

/// <summary>Updates parameters in place by stochastic gradient descent with momentum.</summary>
/// <remarks>
/// μ ← β·μ + g + λp; p ← p − η·μ, with momentum β, decay λ and learning rate η, which stays outside of μ.
/// </remarks>
public static class SgdStep
{
    /// <summary>Updates all parameters, one after another.</summary>
    /// <param name="slots">Parameters with gradients and momentum.</param>
    /// <param name="learningRate">Step size η.</param>
    /// <param name="momentum">Momentum β, in [0, 1).</param>
    /// <param name="weightDecay">Decay λ.</param>
    /// <exception cref="ArgumentException">Shapes or types within a slot differ.</exception>
    public static void Apply(
        IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay)
    {
        OptimizerSlot.Check(slots, nameof(SgdStep), hasSecond: false);
        if (slots.Count > 0)
        {
            slots[0].Parameter.Backend.SgdStep(slots, learningRate, momentum, weightDecay);
            OptimizerSlot.MarkChanged(slots);
        }
    }
}

public partial interface IBackend
{
    /// <summary>Updates parameters and momentum in place.</summary>
    void SgdStep(IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay);
}
