using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Most partial sums of one column: fixed, so that results do not depend on the size of the device.
    private const int MaxPartials = 256;

    // Warps of a block that strides over rows, and rows of a block that sums columns.
    private const int WarpsPerBlock = 8;

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) LayerNorm(NdArray x, NdArray? weight, NdArray? bias, double epsilon)
    {
        using ProfilerRange range = Range();
        int width = x.Shape[^1];
        long rows = x.Count / width;
        NdArray y = Empty(x.Shape, x.DType);
        NdArray mean = Empty([(int)rows], x.DType.Accumulator());
        NdArray rstd = Empty([(int)rows], x.DType.Accumulator());
        if (rows > 0)
        {
            string entry = PacksOfLane(width, x, weight, bias) switch
            {
                2 => "layer_norm_forward_packed2",
                4 => "layer_norm_forward_packed4",
                8 => "layer_norm_forward_packed8",
                _ => "layer_norm_forward_rows",
            };
            Launch(
                entry, x.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
                new() { y, mean, rstd, x, weight, bias, epsilon, rows, width });
        }

        return (y, mean, rstd);
    }

    /// <inheritdoc/>
    public (NdArray Dx, NdArray? DWeight, NdArray? DBias) LayerNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd)
    {
        using ProfilerRange range = Range();
        int width = dy.Shape[^1];
        long rows = dy.Count / width;
        NdArray dx = Empty(dy.Shape, dy.DType);
        NdArray? partials = null;
        if (rows > 0)
        {
            string? packed = PacksOfLane(width, dy, x, weight) switch
            {
                2 => "layer_norm_backward_packed2",
                4 => "layer_norm_backward_packed4",
                8 => "layer_norm_backward_packed8",
                _ => null,
            };
            partials = packed is null
                ? LayerNormBackwardApart(dx, dy, x, weight, mean, rstd, rows, width)
                : LayerNormBackwardPacked(packed, dx, dy, x, weight, mean, rstd, rows, width);
        }

        if (weight is null)
        {
            return (dx, null, null);
        }

        NdArray dWeight = Empty([width], dy.DType);
        NdArray dBias = Empty([width], dy.DType);
        Launch(
            "layer_norm_backward_reduce", dy.DType, BlocksFor(2L * width, WarpSize), (WarpSize, WarpsPerBlock),
            new() { dWeight, dBias, partials, partials?.Shape[0] ?? 0, width });
        partials?.Storage.Release();
        return (dx, dWeight, dBias);
    }

    /// <summary>dx and the column sums in one pass. Returns the partial sums, if there is a weight.</summary>
    private NdArray? LayerNormBackwardPacked(
        string entry, NdArray dx, NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd,
        long rows, int width)
    {
        const int RowsPerWarp = 4; // at least, so that there are fewer partial sums than rows to write
        int blocks = Math.Min(BlocksFor(rows, RowsPerWarp * WarpsPerBlock), MaxPartials);
        NdArray? partials = weight is null ? null : Empty([blocks, 2 * width], dy.DType.Accumulator());
        Launch(
            entry, dy.DType, blocks, (WarpSize, WarpsPerBlock),
            new() { dx, partials, dy, x, weight, mean, rstd, rows, width },
            partials is null ? 0 : 2 * width * partials.DType.SizeInBytes());
        return partials;
    }

    /// <summary>The same for any width and alignment, in two passes.</summary>
    private NdArray? LayerNormBackwardApart(
        NdArray dx, NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, long rows, int width)
    {
        Launch(
            "layer_norm_backward_x", dy.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
            new() { dx, dy, x, weight, mean, rstd, rows, width });
        if (weight is null)
        {
            return null;
        }

        long chunk = RowsPerChunk(rows);
        int blocks = BlocksFor(rows, chunk);
        NdArray partials = Empty([blocks, 2 * width], dy.DType.Accumulator());
        Launch(
            "layer_norm_backward_columns", dy.DType, BlocksFor(blocks * (long)BlocksFor(width, WarpSize), 1),
            (WarpSize, WarpsPerBlock), new() { partials, dy, x, mean, rstd, chunk, rows, width });
        return partials;
    }

    /// <summary>
    /// Rows whose column sums go to one partial: enough to be worth a block, few enough for a full device.
    /// </summary>
    private static long RowsPerChunk(long rows) => Math.Max(32, (rows + MaxPartials - 1) / MaxPartials);

    /// <summary>
    /// How many 16-byte packs of a row each lane of a warp holds: 2, 4 or 8, rounded up; 0 if the row has more, or if
    /// it or an array is not made of packs.
    /// </summary>
    private static int PacksOfLane(int width, NdArray x, params ReadOnlySpan<NdArray?> others)
    {
        int perLane = BlocksFor((long)width * x.DType.SizeInBytes(), 16 * WarpSize);
        return !IsPacked(width, x) || !IsPacked(width, others) ? 0
            : perLane <= 2 ? 2
            : perLane <= 4 ? 4
            : perLane <= 8 ? 8
            : 0;
    }
}
