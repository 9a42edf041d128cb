namespace CudaViT.Core;

/// <summary>Updates parameters in place by LAMB: AdamW's direction, scaled to each parameter's own length.</summary>
/// <remarks>
/// With u and v averaged and corrected as in <see cref="AdamWStep"/>: w = û / (√v̂ + ε) + λp; p ← p − η·(‖p‖ / ‖w‖)·w,
/// with the ratio 1 where a norm is 0. Y. You et al., "Large batch optimization for deep learning", arXiv:1904.00962.
/// </remarks>
public static class LambStep
{
    /// <summary>Updates all parameters, one after another.</summary>
    /// <param name="slots">Parameters with gradients and both averages.</param>
    /// <param name="settings">The numbers of this update.</param>
    /// <exception cref="ArgumentException">Shapes or types within a slot differ.</exception>
    public static void Apply(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        OptimizerSlot.Check(slots, nameof(LambStep), hasSecond: true);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.Step);
        if (slots.Count > 0)
        {
            slots[0].Parameter.Backend.LambStep(slots, settings);
            OptimizerSlot.MarkChanged(slots);
        }
    }
}

public partial interface IBackend
{
    /// <summary>Updates parameters and both averages in place.</summary>
    void LambStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings);
}
