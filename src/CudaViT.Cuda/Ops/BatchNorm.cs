using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Threads of a block where each has a channel to itself.
    private const int ChannelsPerBlock = 128;

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormTraining(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double momentum,
        double epsilon, int groups)
    {
        using ProfilerRange range = Range();
        ChannelChunks at = new(x.Shape, groups);
        NdArray mean = Empty([groups, at.Channels], x.DType.Accumulator());
        NdArray rstd = Empty([groups, at.Channels], x.DType.Accumulator());
        NdArray partials = Empty([groups * at.Chunks, 2 * at.Channels], x.DType.Accumulator());
        Launch(
            "batch_norm_moments", x.DType, at.Blocks, (WarpSize, WarpsPerBlock),
            new() { partials, x, at.ChunkRows, at.Chunks, groups, at.GroupRows, at.Channels, at.Spatial });
        Launch(
            "batch_norm_finish", x.DType, BlocksFor(at.Channels, ChannelsPerBlock), ChannelsPerBlock,
            new()
            {
                mean, rstd, runningMean, runningVariance, partials, momentum, epsilon, at.ChunkRows, at.Chunks, groups,
                at.GroupRows, at.Channels, at.Spatial,
            });
        partials.Storage.Release();
        return (BatchNormApply(at, x, weight, bias, mean, rstd), mean, rstd);
    }

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormEvaluation(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double epsilon)
    {
        using ProfilerRange range = Range();
        ChannelChunks at = new(x.Shape, groups: 1);
        NdArray mean = Empty([1, at.Channels], x.DType.Accumulator());
        NdArray rstd = Empty([1, at.Channels], x.DType.Accumulator());
        Launch(
            "batch_norm_evaluate", x.DType, BlocksFor(at.Channels, ChannelsPerBlock), ChannelsPerBlock,
            new() { mean, rstd, runningMean, runningVariance, epsilon, at.Channels });
        return (BatchNormApply(at, x, weight, bias, mean, rstd), mean, rstd);
    }

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) BatchNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training,
        bool forX, bool forParameters)
    {
        using ProfilerRange range = Range();
        ChannelChunks at = new(x.Shape, groups: mean.Shape[0]);
        NdArray? dWeight = forParameters ? Empty([at.Channels], dy.DType) : null;
        NdArray? dBias = forParameters ? Empty([at.Channels], dy.DType) : null;
        NdArray? sums = forParameters || (forX && training)
            ? BatchNormSums(at, dy, x, mean, rstd, dWeight, dBias)
            : null;
        NdArray? dx = forX ? Empty(dy.Shape, dy.DType) : null;
        if (dx is not null && at.Blocks > 0)
        {
            Launch(
                "batch_norm_dx", dy.DType, at.Blocks, (WarpSize, WarpsPerBlock),
                new()
                {
                    dx, dy, x, weight, mean, rstd, training ? sums : null, at.ChunkRows, at.Chunks,
                    at.Groups, at.GroupRows,
                    at.Channels, at.Spatial,
                });
        }

        sums?.Storage.Release();
        return (dx, dWeight, dBias);
    }

    /// <summary>
    /// Σdy and Σdy·x̂ of each group and channel, [groups, 2, C]; over all groups they are the gradients.
    /// </summary>
    private NdArray BatchNormSums(
        in ChannelChunks at, NdArray dy, NdArray x, NdArray mean, NdArray rstd, NdArray? dWeight, NdArray? dBias)
    {
        NdArray sums = Empty([at.Groups, 2 * at.Channels], mean.DType);
        NdArray partials = Empty([at.Groups * at.Chunks, 2 * at.Channels], mean.DType);
        if (at.Blocks > 0)
        {
            Launch(
                "batch_norm_backward_sums", dy.DType, at.Blocks, (WarpSize, WarpsPerBlock),
                new()
                {
                    partials, dy, x, mean, rstd, at.ChunkRows, at.Chunks, at.Groups, at.GroupRows,
                    at.Channels, at.Spatial,
                });
        }

        Launch(
            "batch_norm_backward_finish", dy.DType, BlocksFor(at.Channels, ChannelsPerBlock), ChannelsPerBlock,
            new() { dWeight, dBias, sums, partials, at.Chunks, at.Groups, at.Channels });
        partials.Storage.Release();
        return sums;
    }

    private NdArray BatchNormApply(
        in ChannelChunks at, NdArray x, NdArray? weight, NdArray? bias, NdArray mean, NdArray rstd)
    {
        NdArray y = Empty(x.Shape, x.DType);
        if (at.Blocks > 0)
        {
            Launch(
                "batch_norm_apply", x.DType, at.Blocks, (WarpSize, WarpsPerBlock),
                new()
                {
                    y, x, weight, bias, mean, rstd, at.ChunkRows, at.Chunks, at.Groups, at.GroupRows,
                    at.Channels, at.Spatial,
                });
        }

        return y;
    }

    /// <summary>An array [N, C, ...] as groups of rows, each cut into chunks for one block each.</summary>
    private readonly struct ChannelChunks
    {
        public ChannelChunks(Shape shape, int groups)
        {
            (Channels, Spatial, Groups) = (shape[1], shape.CountFrom(2), groups);
            GroupRows = shape[0] / groups;

            // Sixteen values for each thread, more where there would be too many chunks to add up.
            long enough = Spatial == 1 ? 128 : Math.Max(1, 4096 / Math.Max(1, Spatial));
            ChunkRows = Math.Max(enough, (GroupRows + MaxPartials - 1) / MaxPartials);
            Chunks = Spatial == 0 ? 0 : BlocksFor(GroupRows, ChunkRows);
            long tiles = Spatial == 1 ? BlocksFor(Channels, WarpSize) : Channels;
            Blocks = BlocksFor(Groups * Chunks * tiles, 1);
        }

        public int Groups { get; }

        public int GroupRows { get; }

        public int Channels { get; }

        /// <summary>Values that a channel has in one row.</summary>
        public long Spatial { get; }

        public long ChunkRows { get; }

        /// <summary>Chunks of one group.</summary>
        public int Chunks { get; }

        /// <summary>One for each chunk and each 32 columns of a matrix, or each channel of planes.</summary>
        public int Blocks { get; }
    }
}
