namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>Rows of x less their mean, over √(variance + epsilon), times weight plus bias.</summary>
    public static double[] LayerNorm(double[] x, double[]? weight, double[]? bias, int width, double epsilon)
    {
        double[] y = new double[x.Length];
        for (int row = 0; row < x.Length; row += width)
        {
            (double mean, double rstd) = Statistics(x, row, width, epsilon);
            for (int j = 0; j < width; j++)
            {
                y[row + j] = ((x[row + j] - mean) * rstd * (weight?[j] ?? 1)) + (bias?[j] ?? 0);
            }
        }

        return y;
    }

    /// <summary>Gradients of <see cref="LayerNorm"/>.</summary>
    public static (double[] Dx, double[] DWeight, double[] DBias) LayerNormBackward(
        double[] dy, double[] x, double[]? weight, int width, double epsilon)
    {
        double[] dx = new double[x.Length];
        double[] dWeight = new double[width];
        double[] dBias = new double[width];
        for (int row = 0; row < x.Length; row += width)
        {
            (double mean, double rstd) = Statistics(x, row, width, epsilon);
            double sum = 0;
            double along = 0;
            for (int j = 0; j < width; j++)
            {
                double unit = (x[row + j] - mean) * rstd;
                double g = dy[row + j] * (weight?[j] ?? 1);
                sum += g;
                along += g * unit;
                dWeight[j] += dy[row + j] * unit;
                dBias[j] += dy[row + j];
            }

            for (int j = 0; j < width; j++)
            {
                double unit = (x[row + j] - mean) * rstd;
                dx[row + j] = rstd * ((dy[row + j] * (weight?[j] ?? 1)) - (sum / width) - (unit * along / width));
            }
        }

        return (dx, dWeight, dBias);
    }

    private static (double Mean, double Rstd) Statistics(double[] x, int start, int count, double epsilon)
    {
        double mean = 0;
        for (int j = start; j < start + count; j++)
        {
            mean += x[j] / count;
        }

        double variance = 0;
        for (int j = start; j < start + count; j++)
        {
            variance += (x[j] - mean) * (x[j] - mean) / count;
        }

        return (mean, 1 / Math.Sqrt(variance + epsilon));
    }
}
