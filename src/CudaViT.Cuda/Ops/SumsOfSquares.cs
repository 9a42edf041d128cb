using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray SumsOfSquares(IReadOnlyList<NdArray> arrays)
    {
        using ProfilerRange range = Range();
        NdArray sums = Empty([arrays.Count], DType.F64);
        foreach (DType dtype in SlotTypes)
        {
            lock (_tables.Gate)
            {
                SlotTable table = Table(arrays, others: null, dtype);
                NdArray partials = Empty([table.Blocks], DType.F64);
                if (table.Blocks > 0)
                {
                    Launch(
                        "sums_of_squares", dtype, table.Blocks, SlotThreads,
                        new() { partials, table, table.Slots, table.Blocks, table.Elements });
                }

                // Empty arrays have no blocks, but sums.
                if (table.Slots > 0)
                {
                    Launch(
                        "sums_of_squares_reduce", dtype, table.Slots, SlotThreads,
                        new() { sums, partials, table, table.Blocks });
                }

                partials.Storage.Release();
            }
        }

        return sums;
    }
}
