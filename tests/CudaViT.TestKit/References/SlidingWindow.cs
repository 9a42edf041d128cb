using CudaViT.Core;

namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>Convolution of x [images, channels, H, W] with weight [outputs, channels, KH, KW].</summary>
    public static double[] Conv2d(
        double[] x, double[] weight, double[] bias, int images, int channels, int outputs, SlidingWindow window)
    {
        double[] y = new double[images * outputs * window.OutputCount];
        Visit(window, (position, pixel, tap) =>
        {
            for (int n = 0; n < images; n++)
            {
                for (int o = 0; o < outputs; o++)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        y[(((n * outputs) + o) * window.OutputCount) + position] +=
                            x[(((n * channels) + c) * window.InputCount) + pixel]
                            * weight[(((o * channels) + c) * window.KernelCount) + tap];
                    }
                }
            }
        });
        return [.. y.Select((value, i) => value + bias[i / window.OutputCount % outputs])];
    }

    /// <summary>Gradients of <see cref="Conv2d"/>.</summary>
    public static (double[] Dx, double[] DWeight, double[] DBias) Conv2dBackward(
        double[] dy, double[] x, double[] weight, int images, int channels, int outputs, SlidingWindow window)
    {
        double[] dx = new double[x.Length];
        double[] dWeight = new double[weight.Length];
        double[] dBias = new double[outputs];
        for (int i = 0; i < dy.Length; i++)
        {
            dBias[i / window.OutputCount % outputs] += dy[i];
        }

        Visit(window, (position, pixel, tap) =>
        {
            for (int n = 0; n < images; n++)
            {
                for (int o = 0; o < outputs; o++)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        double upstream = dy[(((n * outputs) + o) * window.OutputCount) + position];
                        int xAt = (((n * channels) + c) * window.InputCount) + pixel;
                        int weightAt = (((o * channels) + c) * window.KernelCount) + tap;
                        dx[xAt] += upstream * weight[weightAt];
                        dWeight[weightAt] += upstream * x[xAt];
                    }
                }
            }
        });
        return (dx, dWeight, dBias);
    }

    /// <summary>Largest values of planes [planes, H, W] under the window, and the gradient by x, given dy.</summary>
    public static (double[] Y, double[] Dx) MaxPool2d(double[] x, double[] dy, int planes, SlidingWindow window)
    {
        double[] y = new double[planes * window.OutputCount];
        int[] winners = new int[y.Length];
        Array.Fill(winners, -1);
        Visit(window, (position, pixel, _) =>
        {
            for (int p = 0; p < planes; p++)
            {
                int at = (p * window.OutputCount) + position;
                int candidate = (p * window.InputCount) + pixel;
                if (winners[at] < 0 || x[candidate] > x[winners[at]])
                {
                    (winners[at], y[at]) = (candidate, x[candidate]);
                }
            }
        });

        double[] dx = new double[x.Length];
        for (int i = 0; i < winners.Length; i++)
        {
            dx[winners[i]] += dy[i];
        }

        return (y, dx);
    }

    /// <summary>
    /// Means of planes [planes, H, W] under the window, padding counted, and the gradient by x, given dy.
    /// </summary>
    public static (double[] Y, double[] Dx) AvgPool2d(double[] x, double[] dy, int planes, SlidingWindow window)
    {
        double[] y = new double[planes * window.OutputCount];
        double[] dx = new double[x.Length];
        Visit(window, (position, pixel, _) =>
        {
            for (int p = 0; p < planes; p++)
            {
                y[(p * window.OutputCount) + position] += x[(p * window.InputCount) + pixel] / window.KernelCount;
                dx[(p * window.InputCount) + pixel] += dy[(p * window.OutputCount) + position] / window.KernelCount;
            }
        });
        return (y, dx);
    }

    /// <summary>Calls with (position, pixel, tap) for every element of the kernel that meets the image.</summary>
    private static void Visit(SlidingWindow window, Action<int, int, int> visit)
    {
        for (int position = 0; position < window.OutputCount; position++)
        {
            for (int tap = 0; tap < window.KernelCount; tap++)
            {
                (int i, int j) = Math.DivRem(position, window.OutputWidth);
                (int r, int s) = Math.DivRem(tap, window.KernelWidth);
                int row = (i * window.Stride) - window.Padding + r;
                int column = (j * window.Stride) - window.Padding + s;
                if (row >= 0 && row < window.Height && column >= 0 && column < window.Width)
                {
                    visit(position, (row * window.Width) + column, tap);
                }
            }
        }
    }
}
