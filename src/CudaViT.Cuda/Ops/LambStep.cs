using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void LambStep(IReadOnlyList<OptimizerSlot> slots, in AdamSettings settings)
    {
        using ProfilerRange range = Range();
        foreach (DType dtype in SlotTypes)
        {
            lock (_tables.Gate)
            {
                SlotTable table = Table(slots, dtype);
                if (table.Blocks > 0)
                {
                    LambStep(table, dtype, settings);
                }
            }
        }
    }

    private void LambStep(in SlotTable table, DType dtype, in AdamSettings settings)
    {
        double scale1 = 1 / settings.Correction1;
        double scale2 = 1 / Math.Sqrt(settings.Correction2);
        NdArray partials = Empty([2, table.Blocks], DType.F64);
        NdArray ratios = Empty([table.Slots], DType.F64);
        Launch(
            "lamb_average", dtype, table.Blocks, SlotThreads,
            new()
            {
                partials, table, settings.WeightDecay, settings.Beta1, 1 - settings.Beta1, settings.Beta2,
                1 - settings.Beta2, scale1, scale2, settings.Epsilon, table.Slots, table.Blocks, table.Elements,
            });
        Launch("lamb_ratio", dtype, table.Slots, SlotThreads, new() { ratios, partials, table, table.Blocks });
        Launch(
            "lamb_apply", dtype, table.Blocks, SlotThreads,
            new()
            {
                table, ratios, settings.LearningRate, settings.WeightDecay, scale1, scale2,
                settings.Epsilon, table.Slots,
                table.Elements,
            });
        partials.Storage.Release();
        ratios.Storage.Release();
    }
}
