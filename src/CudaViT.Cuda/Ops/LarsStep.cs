using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void LarsStep(
        IReadOnlyList<OptimizerSlot> slots, double learningRate, double momentum, double weightDecay,
        double trustCoefficient)
    {
        using ProfilerRange range = Range();
        foreach (DType dtype in SlotTypes)
        {
            lock (_tables.Gate)
            {
                SlotTable table = Table(slots, dtype);
                if (table.Blocks == 0)
                {
                    continue;
                }

                NdArray partials = Empty([2, table.Blocks], DType.F64);
                NdArray ratios = Empty([table.Slots], DType.F64);
                Launch(
                    "lars_norms", dtype, table.Blocks, SlotThreads,
                    new() { partials, table, weightDecay, table.Slots, table.Blocks, table.Elements });
                Launch(
                    "lars_ratio", dtype, table.Slots, SlotThreads,
                    new() { ratios, partials, table, trustCoefficient, table.Blocks });
                Launch(
                    "lars_apply", dtype, table.Blocks, SlotThreads,
                    new() { table, ratios, learningRate, momentum, weightDecay, table.Slots, table.Elements });
                partials.Storage.Release();
                ratios.Storage.Release();
            }
        }
    }
}
