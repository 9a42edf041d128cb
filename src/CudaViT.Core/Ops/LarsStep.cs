namespace CudaViT.Core;

/// <summary>Updates parameters in place by LARS: gradients are scaled to each parameter's own length.</summary>
/// <remarks>
/// g ← g + λp; g ← t·(‖p‖ / ‖g‖)·g, with the factor 1 where a norm is 0; μ ← β·μ + g; p ← p − η·μ, with trust
/// coefficient t, momentum β, decay λ and learning rate η. Y. You, I. Gitman, B. Ginsburg, arXiv:1708.03888; MoCo v3
/// keeps η outside of μ and applies <see cref="SgdStep"/> without decay to biases and norm parameters.
/// </remarks>
public static class LarsStep
{
    /// <summary>Updates all parameters, one after another.</summary>
    /// <param name="slots">Parameters with gradients and momentum.</param>
    /// <param name="learningRate">Step size η.</param>
    /// <param name="momentum">Momentum β, in [0, 1).</param>
    /// <param name="weightDecay">Decay λ.</param>
    /// <param name="trustCoefficient">Trust coefficient t.</param>
    /// <exception cref="ArgumentException">Shapes or types within a slot differ.</exception>
    public static void Apply(
        IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay,
        double trustCoefficient)
    {
        OptimizerSlot.Check(slots, nameof(LarsStep), hasSecond: false);
        if (slots.Count > 0)
        {
            slots[0].Parameter.Backend.LarsStep(slots, learningRate, momentum, weightDecay, trustCoefficient);
            OptimizerSlot.MarkChanged(slots);
        }
    }
}

public partial interface IBackend
{
    /// <summary>Updates parameters and momentum in place.</summary>
    void LarsStep(
        IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay,
        double trustCoefficient);
}
