using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Elements of the columns that exist at a time for each multiprocessor, unless one image needs more: enough for a
    // few tiles of a product, 64 MiB in F32 on a large device.
    private const long ColumnElements = 1 << 17;

    private static readonly Dim3 ConvolutionBlock = (WarpSize, WarpsPerBlock); // 128 elements of 8 rows

    /// <inheritdoc/>
    public NdArray Conv2d(NdArray x, NdArray weight, NdArray? bias, SlidingWindow window)
    {
        using ProfilerRange range = Range();
        ColumnBlocks at = new(x, weight, window, ColumnElements * _driver.Properties.Multiprocessors);
        NdArray y = Empty([at.Images, at.Outputs, window.OutputHeight, window.OutputWidth], x.DType);
        if (y.Count == 0)
        {
            return y;
        }

        if (bias is not null)
        {
            Launch(
                "conv2d_bias", x.DType, TilesOf(at.Images * (long)at.Outputs, at.Positions), ConvolutionBlock,
                new() { y, bias, at.Images, at.Outputs, at.Positions });
        }

        NdArray columns = Empty([at.BlockImages, at.Depth, at.Positions], x.DType);
        for (int first = 0; first < at.Images; first += at.BlockImages)
        {
            int images = Math.Min(at.BlockImages, at.Images - first);
            Im2Col(at, x.Rows(first, first + images), columns, at.Depth * (long)at.Positions, at.Positions);
            nint target = GpuStorage.AddressOf(y.Rows(first, first + images));
            Multiply(
                new GpuMatMul
                {
                    DType = x.DType,
                    M = at.Outputs,
                    N = at.Positions,
                    K = at.Depth,
                    A = GpuStorage.AddressOf(weight),
                    B = GpuStorage.AddressOf(columns),
                    D = target,
                    C = bias is null ? 0 : target,
                    Beta = bias is null ? 0 : 1,
                    Batch = images,
                    StrideB = at.Depth * (long)at.Positions,
                    StrideD = at.Outputs * (long)at.Positions,
                },
                weight, columns, y);
        }

        columns.Storage.Release();
        return y;
    }

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) Conv2dBackward(
        NdArray dy, NdArray x, NdArray weight, SlidingWindow window, bool needsDx, bool needsDWeight, bool needsDBias)
    {
        using ProfilerRange range = Range();
        NdArray? dBias = needsDBias ? Conv2dBiasBackward(dy) : null;
        if (dy.DType != DType.BF16)
        {
            return (
                needsDx ? Conv2dInputBackward(dy, x, weight, window) : null,
                needsDWeight ? Conv2dWeightBackward(dy, x, weight, window) : null,
                dBias);
        }

        // Both gradients add up several products, which BF16 would round one by one.
        NdArray wideDy = Cast(dy, DType.F32);
        NdArray? dx = needsDx ? Narrow(Conv2dInputBackward(wideDy, x, Cast(weight, DType.F32), window)) : null;
        NdArray? dWeight = needsDWeight
            ? Narrow(Conv2dWeightBackward(wideDy, Cast(x, DType.F32), weight, window))
            : null;
        wideDy.Storage.Release();
        return (dx, dWeight, dBias);
    }

    private NdArray Conv2dInputBackward(NdArray dy, NdArray x, NdArray weight, SlidingWindow window)
    {
        ColumnBlocks at = new(x, weight, window, ColumnElements * _driver.Properties.Multiprocessors);
        NdArray dx = Empty(x.Shape, dy.DType);
        NdArray columns = Empty([at.BlockImages, at.Depth, at.Positions], dy.DType);
        for (int first = 0; first < at.Images; first += at.BlockImages)
        {
            int images = Math.Min(at.BlockImages, at.Images - first);
            NdArray target = dx.Rows(first, first + images);
            Multiply(
                new GpuMatMul
                {
                    DType = dy.DType,
                    M = at.Depth,
                    N = at.Positions,
                    K = at.Outputs,
                    A = GpuStorage.AddressOf(weight),
                    B = GpuStorage.AddressOf(dy.Rows(first, first + images)),
                    D = GpuStorage.AddressOf(columns),
                    TransposeA = true,
                    Batch = images,
                    StrideB = at.Outputs * (long)at.Positions,
                    StrideD = at.Depth * (long)at.Positions,
                },
                weight, dy, columns);
            KernelArguments arguments = new() { target, columns };
            arguments.AddStructure(new WindowSizes(window));
            arguments.Add(images);
            arguments.Add(at.Channels);
            arguments.Add(at.Depth);
            arguments.Add(window.InputCount);
            arguments.Add(at.Positions);
            Launch("conv2d_col2im", dy.DType, BlocksFor(target.Count, ElementsPerBlock), ElementsPerBlock, arguments);
        }

        columns.Storage.Release();
        return dx;
    }

    private NdArray Conv2dWeightBackward(NdArray dy, NdArray x, NdArray weight, SlidingWindow window)
    {
        ColumnBlocks at = new(x, weight, window, ColumnElements * _driver.Properties.Multiprocessors);
        NdArray dWeight = Empty(weight.Shape, dy.DType);
        if (at.Images == 0 || at.Outputs == 0)
        {
            Fill(dWeight, 0);
            return dWeight;
        }

        // The images of a block lie side by side, so that their sum is part of one product.
        NdArray columns = Empty([at.Depth, at.BlockImages, at.Positions], dy.DType);
        NdArray sides = Empty([at.Outputs, at.BlockImages, at.Positions], dy.DType);
        nint target = GpuStorage.AddressOf(dWeight);
        for (int first = 0; first < at.Images; first += at.BlockImages)
        {
            int images = Math.Min(at.BlockImages, at.Images - first);
            long length = images * (long)at.Positions;
            Im2Col(at, x.Rows(first, first + images), columns, at.Positions, length);
            Launch(
                "conv2d_gather", dy.DType, TilesOf(images * (long)at.Outputs, at.Positions), ConvolutionBlock,
                new() { sides, dy.Rows(first, first + images), images, at.Outputs, at.Positions });
            Multiply(
                new GpuMatMul
                {
                    DType = dy.DType,
                    M = at.Outputs,
                    N = at.Depth,
                    K = length,
                    A = GpuStorage.AddressOf(sides),
                    B = GpuStorage.AddressOf(columns),
                    D = target,
                    C = target,
                    TransposeB = true,
                    Beta = first == 0 ? 0 : 1,
                },
                sides, columns, dWeight);
        }

        columns.Storage.Release();
        sides.Storage.Release();
        return dWeight;
    }

    private NdArray Conv2dBiasBackward(NdArray dy)
    {
        (int images, int outputs, long positions) = (dy.Shape[0], dy.Shape[1], dy.Shape.CountFrom(2));
        NdArray dBias = Empty([outputs], dy.DType);
        if (outputs == 0)
        {
            return dBias;
        }

        // Enough values for a block to be worth its launch, and not too many sums to add up.
        long chunk = Math.Max(Math.Max(1, 4096 / positions), (images + MaxPartials - 1) / MaxPartials);
        int chunks = BlocksFor(images, chunk);
        NdArray partials = Empty([chunks, outputs], dy.DType.Accumulator());
        if (chunks > 0)
        {
            Launch(
                "conv2d_bias_sums", dy.DType, BlocksFor(chunks * (long)outputs, 1), ElementsPerBlock,
                new() { partials, dy, chunk, chunks, images, outputs, positions });
        }

        Launch(
            "conv2d_bias_reduce", dy.DType, BlocksFor(outputs, ChannelsPerBlock), ChannelsPerBlock,
            new() { dBias, partials, chunks, outputs });
        partials.Storage.Release();
        return dBias;
    }

    /// <summary>Writes the columns of some images; row d of image n begins at n·imageStep + d·rowStep.</summary>
    private void Im2Col(in ColumnBlocks at, NdArray x, NdArray columns, long imageStep, long rowStep)
    {
        int images = x.Shape[0];
        KernelArguments arguments = new() { columns, x };
        arguments.AddStructure(new WindowSizes(at.Window));
        arguments.Add(imageStep);
        arguments.Add(rowStep);
        arguments.Add(images);
        arguments.Add(at.Channels);
        arguments.Add(at.Depth);
        arguments.Add(at.Window.InputCount);
        arguments.Add(at.Positions);
        Launch(
            "conv2d_im2col", x.DType, TilesOf(images * (long)at.Depth, at.Positions), ConvolutionBlock, arguments);
    }

    /// <summary>The array in BF16; gives the argument's memory back.</summary>
    private NdArray Narrow(NdArray x)
    {
        NdArray y = Cast(x, DType.BF16);
        x.Storage.Release();
        return y;
    }

    /// <summary>Blocks that cover rows of a given length with 128 elements of 8 rows each.</summary>
    private static int TilesOf(long rows, int length) =>
        BlocksFor(BlocksFor(rows, WarpsPerBlock) * (long)BlocksFor(length, 4 * WarpSize), 1);

    /// <summary>Sizes of a convolution, and how many images share a buffer for their columns.</summary>
    private readonly struct ColumnBlocks
    {
        public ColumnBlocks(NdArray x, NdArray weight, SlidingWindow window, long elements)
        {
            (Images, Channels, Outputs, Window) = (x.Shape[0], x.Shape[1], weight.Shape[0], window);
            Depth = (int)weight.Shape.CountFrom(1);
            long perImage = (long)Depth * window.OutputCount;
            BlockImages = (int)Math.Clamp(elements / perImage, 1, Math.Max(1, Images));
        }

        public int Images { get; }

        public int Channels { get; }

        public int Outputs { get; }

        public SlidingWindow Window { get; }

        /// <summary>Weights of one output channel: C·KH·KW.</summary>
        public int Depth { get; }

        /// <summary>Positions of the kernel on an image.</summary>
        public int Positions => Window.OutputCount;

        public int BlockImages { get; }
    }
}
