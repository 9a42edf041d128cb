using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void SgdStep(IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay)
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
                        "sgd_step", dtype, table.Blocks, SlotThreads,
                        new() { table, learningRate, momentum, weightDecay, table.Slots, table.Elements });
                }
            }
        }
    }
}
