using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray AvgPool2d(NdArray x, SlidingWindow window) => x.DType switch
    {
        DType.BF16 => Narrow(AvgPool2d<float>(Widen(x), window)),
        DType.F64 => AvgPool2d<double>(x, window),
        _ => AvgPool2d<float>(x, window),
    };

    /// <inheritdoc/>
    public NdArray AvgPool2dBackward(NdArray dy, SlidingWindow window) => dy.DType switch
    {
        DType.BF16 => Narrow(AvgPool2dBackward<float>(Widen(dy), window)),
        DType.F64 => AvgPool2dBackward<double>(dy, window),
        _ => AvgPool2dBackward<float>(dy, window),
    };

    private NdArray AvgPool2d<T>(NdArray x, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty([x.Shape[0], x.Shape[1], window.OutputHeight, window.OutputWidth], x.DType);
        T share = T.One / T.CreateChecked(window.KernelCount);
        ForEachChunk((long)x.Shape[0] * x.Shape[1], window.KernelCount * window.OutputCount, (start, end) =>
        {
            for (int plane = (int)start; plane < end; plane++)
            {
                ReadOnlySpan<T> pixels = x.ReadSpan<T>().Slice(plane * window.InputCount, window.InputCount);
                Span<T> result = y.Span<T>().Slice(plane * window.OutputCount, window.OutputCount);
                for (int i = 0; i < result.Length; i++)
                {
                    (int top, int bottom, int left, int right) = Bounds(window, i);
                    T sum = T.Zero;
                    for (int row = top; row < bottom; row++)
                    {
                        sum += TensorPrimitives.Sum(pixels.Slice((row * window.Width) + left, right - left));
                    }

                    result[i] = sum * share;
                }
            }
        });
        return y;
    }

    private NdArray AvgPool2dBackward<T>(NdArray dy, SlidingWindow window)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty([dy.Shape[0], dy.Shape[1], window.Height, window.Width], dy.DType);
        T share = T.One / T.CreateChecked(window.KernelCount);
        ForEachChunk((long)dy.Shape[0] * dy.Shape[1], window.KernelCount * window.OutputCount, (start, end) =>
        {
            for (int plane = (int)start; plane < end; plane++)
            {
                Span<T> result = dx.Span<T>().Slice(plane * window.InputCount, window.InputCount);
                ReadOnlySpan<T> upstream = dy.ReadSpan<T>().Slice(plane * window.OutputCount, window.OutputCount);
                result.Clear();
                for (int i = 0; i < upstream.Length; i++)
                {
                    (int top, int bottom, int left, int right) = Bounds(window, i);
                    for (int row = top; row < bottom; row++)
                    {
                        Span<T> pixels = result.Slice((row * window.Width) + left, right - left);
                        TensorPrimitives.Add(pixels, upstream[i] * share, pixels);
                    }
                }
            }
        });
        return dx;
    }
}
