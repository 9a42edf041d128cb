using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void EmaStep(IReadOnlyList<NdArray> averages, IReadOnlyList<NdArray> sources, double momentum)
    {
        using ProfilerRange range = Range();
        foreach (DType dtype in SlotTypes)
        {
            lock (_tables.Gate)
            {
                SlotTable table = Table(averages, sources, dtype);
                if (table.Blocks > 0)
                {
                    Launch(
                        "ema_step", dtype, table.Blocks, SlotThreads,
                        new() { table, 1 - momentum, table.Slots, table.Elements });
                }
            }
        }
    }
}
