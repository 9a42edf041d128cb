namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>Rows of [rows, width] divided by max(length, epsilon).</summary>
    public static double[] L2Normalize(double[] x, int rows, int width, double epsilon)
    {
        double[] y = new double[x.Length];
        for (int i = 0; i < rows; i++)
        {
            double squares = 0;
            for (int j = 0; j < width; j++)
            {
                squares += x[(i * width) + j] * x[(i * width) + j];
            }

            for (int j = 0; j < width; j++)
            {
                y[(i * width) + j] = x[(i * width) + j] / Math.Max(Math.Sqrt(squares), epsilon);
            }
        }

        return y;
    }

    /// <summary>Gradient of <see cref="L2Normalize"/> by x.</summary>
    public static double[] L2NormalizeBackward(double[] dy, double[] x, int rows, int width, double epsilon)
    {
        double[] dx = new double[x.Length];
        for (int i = 0; i < rows; i++)
        {
            double squares = 0;
            double along = 0;
            for (int j = 0; j < width; j++)
            {
                squares += x[(i * width) + j] * x[(i * width) + j];
                along += dy[(i * width) + j] * x[(i * width) + j];
            }

            double length = Math.Sqrt(squares);
            for (int j = 0; j < width; j++)
            {
                int at = (i * width) + j;
                dx[at] = length > epsilon
                    ? (dy[at] - (x[at] * along / squares)) / length
                    : dy[at] / epsilon;
            }
        }

        return dx;
    }
}
