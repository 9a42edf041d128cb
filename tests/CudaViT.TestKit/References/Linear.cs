namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>x [rows, inputs] times the transpose of weight [outputs, inputs], plus bias [outputs].</summary>
    public static double[] Linear(double[] x, double[] weight, double[]? bias, int inputs, int outputs)
    {
        double[] y = new double[x.Length / inputs * outputs];
        for (int i = 0; i < y.Length; i++)
        {
            (int row, int output) = Math.DivRem(i, outputs);
            double sum = bias?[output] ?? 0;
            for (int p = 0; p < inputs; p++)
            {
                sum += x[(row * inputs) + p] * weight[(output * inputs) + p];
            }

            y[i] = sum;
        }

        return y;
    }

    /// <summary>Gradients of <see cref="Linear"/>.</summary>
    public static (double[] Dx, double[] DWeight, double[] DBias) LinearBackward(
        double[] dy, double[] x, double[] weight, int inputs, int outputs)
    {
        double[] dx = new double[x.Length];
        double[] dWeight = new double[weight.Length];
        double[] dBias = new double[outputs];
        for (int i = 0; i < dy.Length; i++)
        {
            (int row, int output) = Math.DivRem(i, outputs);
            dBias[output] += dy[i];
            for (int p = 0; p < inputs; p++)
            {
                dx[(row * inputs) + p] += dy[i] * weight[(output * inputs) + p];
                dWeight[(output * inputs) + p] += dy[i] * x[(row * inputs) + p];
            }
        }

        return (dx, dWeight, dBias);
    }
}
