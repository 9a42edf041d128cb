using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Indices) MaxPool2d(NdArray x, SlidingWindow window)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray indices) = MaxPool2d<float>(Widen(x), window);
            return (Narrow(y), indices);
        }

        return x.DType == DType.F64 ? MaxPool2d<double>(x, window) : MaxPool2d<float>(x, window);
    }

    /// <inheritdoc/>
    public NdArray MaxPool2dBackward(NdArray dy, NdArray indices, SlidingWindow window) => dy.DType switch
    {
        DType.BF16 => Narrow(MaxPool2dBackward<float>(Widen(dy), indices, window)),
        DType.F64 => MaxPool2dBackward<double>(dy, indices, window),
        _ => MaxPool2dBackward<float>(dy, indices, window),
    };

    private (NdArray Y, NdArray Indices) MaxPool2d<T>(NdArray x, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty([x.Shape[0], x.Shape[1], window.OutputHeight, window.OutputWidth], x.DType);
        NdArray indices = Empty(y.Shape, DType.I32);
        ForEachChunk((long)x.Shape[0] * x.Shape[1], window.KernelCount * window.OutputCount, (start, end) =>
        {
            for (int plane = (int)start; plane < end; plane++)
            {
                ReadOnlySpan<T> pixels = x.ReadSpan<T>().Slice(plane * window.InputCount, window.InputCount);
                Span<T> result = y.Span<T>().Slice(plane * window.OutputCount, window.OutputCount);
                Span<int> places = indices.Span<int>().Slice(plane * window.OutputCount, window.OutputCount);
                for (int i = 0; i < result.Length; i++)
                {
                    places[i] = IndexOfMax(pixels, window, i);
                    result[i] = pixels[places[i]];
                }
            }
        });
        return (y, indices);
    }

    private NdArray MaxPool2dBackward<T>(NdArray dy, NdArray indices, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty([dy.Shape[0], dy.Shape[1], window.Height, window.Width], dy.DType);
        ForEachChunk((long)dy.Shape[0] * dy.Shape[1], window.InputCount + window.OutputCount, (start, end) =>
        {
            for (int plane = (int)start; plane < end; plane++)
            {
                int first = plane * window.OutputCount;
                Span<T> result = dx.Span<T>().Slice(plane * window.InputCount, window.InputCount);
                ReadOnlySpan<T> upstream = dy.ReadSpan<T>().Slice(first, window.OutputCount);
                ReadOnlySpan<int> places = indices.ReadSpan<int>().Slice(first, window.OutputCount);
                result.Clear();
                for (int i = 0; i < upstream.Length; i++)
                {
                    result[places[i]] += upstream[i];
                }
            }
        });
        return dx;
    }

    private static int IndexOfMax<T>(ReadOnlySpan<T> pixels, SlidingWindow window, int position)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int top, int bottom, int left, int right) = Bounds(window, position);
        int best = (top * window.Width) + left;
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
            {
                int at = (y * window.Width) + x;
                if (pixels[at] > pixels[best] || (T.IsNaN(pixels[at]) && !T.IsNaN(pixels[best])))
                {
                    best = at;
                }
            }
        }

        return best;
    }

    /// <summary>The part of the image under the window at a position, which is never empty.</summary>
    private static (int Top, int Bottom, int Left, int Right) Bounds(SlidingWindow window, int position)
    {
        (int i, int j) = Math.DivRem(position, window.OutputWidth);
        int top = (i * window.Stride) - window.Padding;
        int left = (j * window.Stride) - window.Padding;
        return (
            Math.Max(0, top), Math.Min(window.Height, top + window.KernelHeight),
            Math.Max(0, left), Math.Min(window.Width, left + window.KernelWidth));
    }
}
