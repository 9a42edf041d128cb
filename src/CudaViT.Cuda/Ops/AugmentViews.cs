using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend : IAugmentingBackend
{
    // Shared memory for two states of whole rows or columns; with the kernel's own table 48 KiB, which every GPU has.
    private const int ViewColumnBytes = 42 << 10;
    private const int ViewRowBytes = 21 << 10; // twice as many blocks to a multiprocessor
    private const int MostViewLines = 32;

    private const int ViewFilterThreads = 128;
    private const int ViewResizeRows = 64; // of a block: 8 warps with 8 rows each

    /// <summary>
    /// Memory for the views between two launches, at least one; more views are made in groups. By default about half of
    /// an H100's second-level cache, so that what a launch writes, the next one finds there.
    /// </summary>
    internal long ViewWorkBytes { get; set; } = 24 << 20;

    /// <inheritdoc/>
    public int LargestView(int channels) => ViewColumnBytes / (2 * channels);

    /// <inheritdoc/>
    public void AugmentViews(
        NdArray views,
        NdArray pixels,
        ReadOnlySpan<ViewTransform> transforms,
        ReadOnlySpan<float> mean,
        ReadOnlySpan<float> std)
    {
        using ProfilerRange range = Range();
        (int channels, int size) = (views.Shape[1], views.Shape[2]);
        var statistics = default(ViewStatistics);
        mean.CopyTo(statistics.Mean);
        std.CopyTo(statistics.Std);
        int group = (int)Math.Clamp(ViewWorkBytes / ((long)size * size * channels), 1, transforms.Length);
        KernelView[] records = ArrayPool<KernelView>.Shared.Rent(transforms.Length);
        long filterLength = 0; // of the group with the longest filters: all use the same memory, one after the other
        for (int start = 0; start < transforms.Length; start += group)
        {
            int end = Math.Min(start + group, transforms.Length);
            long length = Fill(records.AsSpan(start, end - start), transforms[start..end], size);
            filterLength = Math.Max(filterLength, length);
        }

        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(records.AsSpan(0, transforms.Length));
        NdArray table = Empty([transforms.Length, Unsafe.SizeOf<KernelView>()], DType.U8);

        // Few sizes for the pool to keep.
        int rounded = checked((int)BitOperations.RoundUpToPowerOf2((ulong)filterLength));
        NdArray filters = Empty([rounded], DType.I32);
        NdArray sums = Empty([group], DType.I64);
        NdArray work = Empty([group, size, size, channels], DType.U8);
        CopyFromHost(bytes, table);
        ArrayPool<KernelView>.Shared.Return(records);
        for (int start = 0; start < transforms.Length; start += group)
        {
            int end = Math.Min(start + group, transforms.Length);
            AugmentGroup(views.Rows(start, end), pixels, table.Rows(start, end), filters, sums, work, statistics);
        }

        work.Storage.Release();
        sums.Storage.Release();
        filters.Storage.Release();
        table.Storage.Release();
    }

    private void AugmentGroup(
        NdArray views,
        NdArray pixels,
        NdArray table,
        NdArray filters,
        NdArray sums,
        NdArray work,
        in ViewStatistics statistics)
    {
        (int count, int channels, int size) = (views.Shape[0], views.Shape[1], views.Shape[2]);
        Launch(
            "augment_views_filters", views.DType, BlocksFor(2L * size, ViewFilterThreads) * count, ViewFilterThreads,
            new() { filters, sums, table, count, size });
        int tiles = BlocksFor(size, WarpSize) * BlocksFor(size, ViewResizeRows);
        Launch(
            "augment_views_resize", views.DType, BlocksFor((long)count * tiles, 1), (WarpSize, WarpsPerBlock),
            new() { work, sums, pixels, table, filters, count, size, channels, pixels.Count });

        int rows = LinesOf(ViewRowBytes, size, channels);
        Launch(
            "augment_views_rows", views.DType, BlocksFor(size, rows) * count, (WarpSize, WarpsPerBlock),
            new() { work, sums, table, count, size, channels, rows }, 2 * rows * size * channels);

        int columns = LinesOf(ViewColumnBytes, size, channels);
        KernelArguments arguments = new() { views, work, table };
        arguments.AddStructure(statistics);
        arguments.Add(count);
        arguments.Add(size);
        arguments.Add(channels);
        arguments.Add(columns);
        Launch(
            "augment_views_columns", views.DType, BlocksFor(size, columns) * count, (WarpSize, WarpsPerBlock),
            arguments, 2 * columns * size * channels);
    }

    // Rows or columns of a block, so that two states of them fit its shared memory; whole warps' worth where possible.
    private static int LinesOf(int sharedBytes, int size, int channels)
    {
        int lines = Math.Clamp(sharedBytes / (2 * size * channels), 1, MostViewLines);
        return lines >= WarpsPerBlock ? lines / WarpsPerBlock * WarpsPerBlock : lines;
    }

    /// <summary>Writes the kernel's records and returns how many numbers all of their filters have.</summary>
    private static long Fill(Span<KernelView> records, ReadOnlySpan<ViewTransform> transforms, int size)
    {
        long filters = 0;
        for (int i = 0; i < records.Length; i++)
        {
            ref readonly ViewTransform view = ref transforms[i];
            ColorTransform colors = view.Colors;
            long columns = filters;
            long rows = columns + FilterLength(view.Width, size);
            filters = rows + FilterLength(view.Height, size);
            records[i] = new KernelView
            {
                Source = view.Source,
                ColumnFilter = columns,
                RowFilter = rows,
                RowBytes = view.RowBytes,
                Columns = view.Width,
                Rows = view.Height,
                First = (int)colors.First,
                Second = (int)colors.Second,
                Third = (int)colors.Third,
                Fourth = (int)colors.Fourth,
                Brightness = colors.Brightness,
                Contrast = colors.Contrast,
                Saturation = colors.Saturation,
                Hue = colors.Hue,
                Grayscale = view.Grayscale ? 1 : 0,
                Solarize = view.Solarize ? 1 : 0,
                Flip = view.Flip ? 1 : 0,
                Blurs = view.Blur.Inner != 0 ? 1 : 0,
                Radius = view.Blur.Radius,
                Inner = view.Blur.Inner,
                Outer = view.Blur.Outer,
            };
        }

        return filters;
    }

    // First tap and number of taps of every output, then as many weights as the widest has.
    private static long FilterLength(int input, int output)
    {
        double support = Math.Max((double)input / output, 1);
        return (2 + Math.Min(((long)Math.Ceiling(support) * 2) + 1, input)) * output;
    }

    /// <summary><c>View</c> of <c>kernels/augment_views.cu</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct KernelView
    {
        public long Source;
        public long ColumnFilter;
        public long RowFilter;
        public long RowBytes;
        public int Columns;
        public int Rows;
        public int First;
        public int Second;
        public int Third;
        public int Fourth;
        public float Brightness;
        public float Contrast;
        public float Saturation;
        public int Hue;
        public int Grayscale;
        public int Solarize;
        public int Flip;
        public int Blurs;
        public int Radius;
        public uint Inner;
        public uint Outer;
    }

    /// <summary>Means, then deviations, of up to three channels.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ViewStatistics
    {
        public PerChannel Mean;
        public PerChannel Std;

        [InlineArray(3)]
        public struct PerChannel
        {
            private float _first;
        }
    }
}
