using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void AdamWStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        using ProfilerRange range = Range();
        foreach (DType dtype in SlotTypes)
        {
            lock (_tables.Gate)
            {
                SlotTable table = Table(slots, dtype);
                if (table.Blocks > 0)
                {
                    Launch(
                        "adamw_step", dtype, table.Blocks, SlotThreads,
                        new()
                        {
                            table, settings.LearningRate, 1 - (settings.LearningRate * settings.WeightDecay),
                            settings.Beta1, 1 - settings.Beta1, settings.Beta2, 1 - settings.Beta2,
                            1 / settings.Correction1, 1 / Math.Sqrt(settings.Correction2), settings.Epsilon,
                            table.Slots, table.Elements,
                        });
                }
            }
        }
    }
}
