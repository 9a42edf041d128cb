namespace CudaViT.Core;

/// <summary>
/// One parameter with all that an optimizer reads and writes for it. All arrays have its shape and type.
/// </summary>
/// <param name="Parameter">Master weights, F32 or F64; updated.</param>
/// <param name="Gradient">Gradient of the loss; read.</param>
/// <param name="First">Momentum, or average of the gradient; updated.</param>
/// <param name="Second">Average of the squared gradient; updated. Null where an optimizer has none.</param>
public readonly record struct OptimizerSlot(NdArray Parameter, NdArray Gradient, NdArray First, NdArray? Second = null)
{
    /// <summary>Checks the slots of an update.</summary>
    internal static void Check(IReadOnlyList<OptimizerSlot> slots, string operation, bool hasSecond)
    {
        ArgumentNullException.ThrowIfNull(slots);
        foreach (OptimizerSlot slot in slots)
        {
            if (hasSecond)
            {
                ArgumentNullException.ThrowIfNull(slot.Second);
            }

            if (slot.Parameter.DType is not (DType.F32 or DType.F64))
            {
                throw new ArgumentException(
                    $"{operation}: parameters must be F32 or F64, but one is {slot.Parameter.Description}.");
            }

            foreach (NdArray? other in (ReadOnlySpan<NdArray?>)[slot.Gradient, slot.First, slot.Second])
            {
                if (other is not null && (other.Shape != slot.Parameter.Shape || other.DType != slot.Parameter.DType))
                {
                    throw new ArgumentException(
                        $"{operation}: gradient and state of {slot.Parameter.Description} must be like it, but one is "
                        + $"{other.Description}.");
                }
            }
        }
    }

    /// <summary>Notes the in-place changes of an update.</summary>
    internal static void MarkChanged(IReadOnlyList<OptimizerSlot> slots)
    {
        foreach (OptimizerSlot slot in slots)
        {
            slot.Parameter.Storage.MarkChanged();
            slot.First.Storage.MarkChanged();
            slot.Second?.Storage.MarkChanged();
        }
    }
}
