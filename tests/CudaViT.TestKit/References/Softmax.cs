namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>e^x over its sum, for every row of [rows, width].</summary>
    public static double[] Softmax(double[] x, int width) =>
        Array.ConvertAll(LogSoftmax(x, width), Math.Exp);

    /// <summary>x − ln Σ e^x for every row of [rows, width].</summary>
    public static double[] LogSoftmax(double[] x, int width)
    {
        double[] y = new double[x.Length];
        for (int row = 0; row < x.Length; row += width)
        {
            double largest = x.Skip(row).Take(width).Max();
            double sum = 0;
            for (int j = row; j < row + width; j++)
            {
                sum += Math.Exp(x[j] - largest);
            }

            for (int j = row; j < row + width; j++)
            {
                y[j] = x[j] - largest - Math.Log(sum);
            }
        }

        return y;
    }

    /// <summary>Gradient of <see cref="Softmax"/>: dx[j] = Σₖ dy[k] ∂y[k]/∂x[j], the Jacobian written out.</summary>
    public static double[] SoftmaxBackward(double[] dy, double[] x, int width)
    {
        double[] y = Softmax(x, width);
        double[] dx = new double[x.Length];
        for (int row = 0; row < x.Length; row += width)
        {
            for (int j = row; j < row + width; j++)
            {
                for (int k = row; k < row + width; k++)
                {
                    dx[j] += dy[k] * y[k] * ((j == k ? 1 : 0) - y[j]);
                }
            }
        }

        return dx;
    }

    /// <summary>Gradient of <see cref="LogSoftmax"/>, the Jacobian written out.</summary>
    public static double[] LogSoftmaxBackward(double[] dy, double[] x, int width)
    {
        double[] y = Softmax(x, width);
        double[] dx = new double[x.Length];
        for (int row = 0; row < x.Length; row += width)
        {
            for (int j = row; j < row + width; j++)
            {
                for (int k = row; k < row + width; k++)
                {
                    dx[j] += dy[k] * ((j == k ? 1 : 0) - y[j]);
                }
            }
        }

        return dx;
    }
}
