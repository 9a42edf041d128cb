using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // Elements of the columns that exist at a time: enough images to keep all threads busy, few enough to stay in
    // cache.
    private const long MaxColumnElements = 1 << 20;

    /// <inheritdoc/>
    public NdArray Conv2d(NdArray x, NdArray weight, NdArray? bias, SlidingWindow window) => x.DType switch
    {
        DType.BF16 => Narrow(Conv2d<float>(Widen(x), Widen(weight), WidenIfAny(bias), window)),
        DType.F64 => Conv2d<double>(x, weight, bias, window),
        _ => Conv2d<float>(x, weight, bias, window),
    };

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) Conv2dBackward(
        NdArray dy, NdArray x, NdArray weight, SlidingWindow window, bool needsDx, bool needsDWeight, bool needsDBias)
    {
        if (dy.DType == DType.BF16)
        {
            (NdArray? dx, NdArray? dWeight, NdArray? dBias) =
                Conv2dBackward<float>(Widen(dy), Widen(x), Widen(weight), window, needsDx, needsDWeight, needsDBias);
            return (NarrowIfAny(dx), NarrowIfAny(dWeight), NarrowIfAny(dBias));
        }

        return dy.DType == DType.F64
            ? Conv2dBackward<double>(dy, x, weight, window, needsDx, needsDWeight, needsDBias)
            : Conv2dBackward<float>(dy, x, weight, window, needsDx, needsDWeight, needsDBias);
    }

    private NdArray Conv2d<T>(NdArray x, NdArray weight, NdArray? bias, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int outputs = weight.Shape[0];
        int depth = (int)weight.Shape.CountFrom(1);
        NdArray y = Empty([x.Shape[0], outputs, window.OutputHeight, window.OutputWidth], x.DType);
        ForEachColumnBlock<T>(x, depth, window, (first, end, columns) =>
        {
            Im2Col<T>(x, first, end, columns, window);
            Gemm.Multiply(
                _team, new GemmShape(outputs, window.OutputCount, depth, end - first), Matrix<T>(weight, depth),
                Planes<T>(columns, depth, window.OutputCount),
                PlaneTarget<T>(y.Rows(first, end), outputs, window.OutputCount),
                T.One, accumulate: false, new ChannelBiasEpilogue<T>(bias));
        });
        return y;
    }

    private (NdArray? Dx, NdArray? DWeight, NdArray? DBias) Conv2dBackward<T>(
        NdArray dy, NdArray x, NdArray weight, SlidingWindow window, bool needsDx, bool needsDWeight, bool needsDBias)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int outputs = weight.Shape[0];
        int depth = (int)weight.Shape.CountFrom(1);
        NdArray? dx = needsDx ? Empty(x.Shape, x.DType) : null;
        NdArray? dWeight = needsDWeight ? NdArray.Zeros(this, weight.Shape, weight.DType) : null;
        ForEachColumnBlock<T>(x, depth, window, (first, end, columns) =>
        {
            if (dWeight is not null)
            {
                Im2Col<T>(x, first, end, columns, window);
                for (int image = first; image < end; image++)
                {
                    Gemm.Multiply(
                        _team, new GemmShape(outputs, depth, window.OutputCount),
                        Planes<T>(dy.Rows(image, image + 1), outputs, window.OutputCount),
                        Planes<T>(columns.Rows(image - first, image - first + 1), depth, window.OutputCount).Transposed,
                        new MatrixTarget<T>(dWeight.Memory<T>(), depth), T.One, accumulate: true);
                }
            }

            if (dx is not null)
            {
                Gemm.Multiply(
                    _team, new GemmShape(depth, window.OutputCount, outputs, end - first),
                    Matrix<T>(weight, depth).Transposed, Planes<T>(dy.Rows(first, end), outputs, window.OutputCount),
                    PlaneTarget<T>(columns, depth, window.OutputCount), T.One);
                Col2Im<T>(columns, dx, first, end, window);
            }
        });
        return (dx, dWeight, needsDBias ? ChannelSums<T>(dy) : null);
    }

    /// <summary>
    /// Goes through the images in blocks that share a buffer for their columns [images, depth, OH * OW].
    /// </summary>
    private void ForEachColumnBlock<T>(NdArray x, int depth, SlidingWindow window, Action<int, int, NdArray> body)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int images = x.Shape[0];
        long perImage = (long)depth * window.OutputCount;
        int block = (int)Math.Clamp(MaxColumnElements / Math.Max(1, perImage), 1, Math.Max(1, images));
        NdArray columns = Empty([block, depth, window.OutputCount], x.DType);
        for (int first = 0; first < images; first += block)
        {
            int end = Math.Min(images, first + block);
            body(first, end, columns.Rows(0, end - first));
        }

        columns.Storage.Release();
    }

    /// <summary>
    /// columns[n, (c, r, s), (i, j)] = x[first + n, c, i * stride - padding + r, j * stride - padding + s].
    /// </summary>
    private void Im2Col<T>(NdArray x, int first, int end, NdArray columns, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = x.Shape[1];
        ForEachChunk((long)(end - first) * channels, window.KernelCount * window.OutputCount, (start, stop) =>
        {
            for (int plane = (int)start; plane < stop; plane++)
            {
                int image = ((first * channels) + plane) * window.InputCount;
                ReadOnlySpan<T> pixels = x.ReadSpan<T>().Slice(image, window.InputCount);
                Span<T> target = columns.Span<T>().Slice(
                    plane * window.KernelCount * window.OutputCount, window.KernelCount * window.OutputCount);
                for (int tap = 0; tap < window.KernelCount; tap++)
                {
                    var line = new TapLine(window, tap);
                    for (int i = 0; i < window.OutputHeight; i++)
                    {
                        Span<T> row = target[..window.OutputWidth];
                        target = target[window.OutputWidth..];
                        int y = line.Row(i);
                        if (y < 0 || y >= window.Height)
                        {
                            row.Clear();
                            continue;
                        }

                        row[..line.First].Clear();
                        row[line.End..].Clear();
                        Span<T> inside = row[line.First..line.End];
                        if (inside.IsEmpty)
                        {
                            continue;
                        }

                        ReadOnlySpan<T> source = pixels[((y * window.Width) + line.Column(line.First))..];
                        if (window.Stride == 1)
                        {
                            source[..inside.Length].CopyTo(inside);
                            continue;
                        }

                        for (int j = 0; j < inside.Length; j++)
                        {
                            inside[j] = source[j * window.Stride];
                        }
                    }
                }
            }
        });
    }

    /// <summary>The adjoint of <see cref="Im2Col"/>: adds the columns up where they came from, tap after tap.</summary>
    private void Col2Im<T>(NdArray columns, NdArray dx, int first, int end, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = dx.Shape[1];
        ForEachChunk((long)(end - first) * channels, window.KernelCount * window.OutputCount, (start, stop) =>
        {
            for (int plane = (int)start; plane < stop; plane++)
            {
                int image = ((first * channels) + plane) * window.InputCount;
                Span<T> pixels = dx.Span<T>().Slice(image, window.InputCount);
                ReadOnlySpan<T> source = columns.ReadSpan<T>().Slice(
                    plane * window.KernelCount * window.OutputCount, window.KernelCount * window.OutputCount);
                pixels.Clear();
                for (int tap = 0; tap < window.KernelCount; tap++)
                {
                    var line = new TapLine(window, tap);
                    for (int i = 0; i < window.OutputHeight; i++)
                    {
                        ReadOnlySpan<T> inside = source[line.First..line.End];
                        source = source[window.OutputWidth..];
                        int y = line.Row(i);
                        if (y < 0 || y >= window.Height || inside.IsEmpty)
                        {
                            continue;
                        }

                        Span<T> target = pixels[((y * window.Width) + line.Column(line.First))..];
                        if (window.Stride == 1)
                        {
                            TensorPrimitives.Add(target[..inside.Length], inside, target[..inside.Length]);
                            continue;
                        }

                        for (int j = 0; j < inside.Length; j++)
                        {
                            target[j * window.Stride] += inside[j];
                        }
                    }
                }
            }
        });
    }

    /// <summary>Sums [N, C, ...] over all axes but the second, image after image.</summary>
    private NdArray ChannelSums<T>(NdArray x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int channels = x.Shape[1];
        int length = (int)x.Shape.CountFrom(2);
        NdArray sums = Empty([channels], x.DType);
        ForEachChunk(channels, (long)x.Shape[0] * length, (start, end) =>
        {
            for (int channel = (int)start; channel < end; channel++)
            {
                T sum = T.Zero;
                for (int image = 0; image < x.Shape[0]; image++)
                {
                    sum += TensorPrimitives.Sum(x.ReadSpan<T>().Slice(((image * channels) + channel) * length, length));
                }

                sums.Span<T>()[channel] = sum;
            }
        });
        return sums;
    }

    /// <summary>One matrix [rows, columns] per image.</summary>
    private static MatrixView<T> Planes<T>(NdArray x, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new(x.Memory<T>(), columns, 1, (long)rows * columns);

    private static MatrixTarget<T> PlaneTarget<T>(NdArray y, int rows, int columns)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new(y.Memory<T>(), columns, (long)rows * columns);

    /// <summary>Where one element of a kernel meets the image.</summary>
    private readonly struct TapLine
    {
        private readonly SlidingWindow _window;
        private readonly int _down;
        private readonly int _right;

        public TapLine(SlidingWindow window, int tap)
        {
            _window = window;
            (int row, int column) = Math.DivRem(tap, window.KernelWidth);
            _down = row - window.Padding;
            _right = column - window.Padding;

            // Columns of the output for which 0 <= j * stride + right < width.
            First = Math.Clamp(CeilDivide(-_right, window.Stride), 0, window.OutputWidth);
            End = Math.Clamp(CeilDivide(window.Width - _right, window.Stride), First, window.OutputWidth);
        }

        /// <summary>First column of the output whose pixel lies in the image.</summary>
        public int First { get; }

        /// <summary>The column after the last such.</summary>
        public int End { get; }

        public int Row(int i) => (i * _window.Stride) + _down;

        public int Column(int j) => (j * _window.Stride) + _right;

        private static int CeilDivide(int x, int y) => x <= 0 ? -(-x / y) : ((x - 1) / y) + 1;
    }

    /// <summary>Adds the bias of its channel to each row.</summary>
    private readonly struct ChannelBiasEpilogue<T>(NdArray? bias) : IGemmEpilogue<T>
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        public void Apply(long item, int row, int column, Span<T> segment)
        {
            if (bias is not null)
            {
                TensorPrimitives.Add(segment, bias.ReadSpan<T>()[row], segment);
            }
        }
    }
}
