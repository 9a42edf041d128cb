namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// Batch normalization of [rows, channels, spatial] in groups of rows. Moves the running statistics group by group.
    /// </summary>
    public static double[] BatchNormTraining(
        double[] x, int rows, int channels, int spatial, int groups, double[]? weight, double[]? bias,
        double[] runningMean, double[] runningVariance, double momentum, double epsilon)
    {
        double[] y = new double[x.Length];
        for (int group = 0; group < groups; group++)
        {
            for (int c = 0; c < channels; c++)
            {
                int[] members = Members(rows, channels, spatial, groups, group, c);
                (double mean, double variance) = MeanAndVariance(x, members);
                foreach (int i in members)
                {
                    double unit = (x[i] - mean) / Math.Sqrt(variance + epsilon);
                    y[i] = (unit * (weight?[c] ?? 1)) + (bias?[c] ?? 0);
                }

                double unbiased = variance * members.Length / (members.Length - 1);
                runningMean[c] = ((1 - momentum) * runningMean[c]) + (momentum * mean);
                runningVariance[c] = ((1 - momentum) * runningVariance[c]) + (momentum * unbiased);
            }
        }

        return y;
    }

    /// <summary>Batch normalization of [rows, channels, spatial] with given statistics.</summary>
    public static double[] BatchNormEvaluation(
        double[] x, int rows, int channels, int spatial, double[]? weight, double[]? bias, double[] mean,
        double[] variance, double epsilon)
    {
        double[] y = new double[x.Length];
        for (int c = 0; c < channels; c++)
        {
            foreach (int i in Members(rows, channels, spatial, 1, 0, c))
            {
                y[i] = ((x[i] - mean[c]) / Math.Sqrt(variance[c] + epsilon) * (weight?[c] ?? 1)) + (bias?[c] ?? 0);
            }
        }

        return y;
    }

    /// <summary>Gradients of <see cref="BatchNormTraining"/> by x, weight and bias.</summary>
    public static (double[] Dx, double[] DWeight, double[] DBias) BatchNormTrainingBackward(
        double[] dy, double[] x, int rows, int channels, int spatial, int groups, double[]? weight, double epsilon)
    {
        double[] dx = new double[x.Length];
        double[] dWeight = new double[channels];
        double[] dBias = new double[channels];
        for (int group = 0; group < groups; group++)
        {
            for (int c = 0; c < channels; c++)
            {
                int[] members = Members(rows, channels, spatial, groups, group, c);
                (double mean, double variance) = MeanAndVariance(x, members);
                double rstd = 1 / Math.Sqrt(variance + epsilon);
                double sum = 0;
                double product = 0;
                foreach (int i in members)
                {
                    sum += dy[i];
                    product += dy[i] * (x[i] - mean) * rstd;
                }

                foreach (int i in members)
                {
                    double along = (sum / members.Length) + ((x[i] - mean) * rstd * product / members.Length);
                    dx[i] = (weight?[c] ?? 1) * rstd * (dy[i] - along);
                }

                dWeight[c] += product;
                dBias[c] += sum;
            }
        }

        return (dx, dWeight, dBias);
    }

    /// <summary>Gradients of <see cref="BatchNormEvaluation"/> by x, weight and bias.</summary>
    public static (double[] Dx, double[] DWeight, double[] DBias) BatchNormEvaluationBackward(
        double[] dy, double[] x, int rows, int channels, int spatial, double[]? weight, double[] mean,
        double[] variance,
        double epsilon)
    {
        double[] dx = new double[x.Length];
        double[] dWeight = new double[channels];
        double[] dBias = new double[channels];
        for (int c = 0; c < channels; c++)
        {
            double rstd = 1 / Math.Sqrt(variance[c] + epsilon);
            foreach (int i in Members(rows, channels, spatial, 1, 0, c))
            {
                dx[i] = dy[i] * (weight?[c] ?? 1) * rstd;
                dWeight[c] += dy[i] * (x[i] - mean[c]) * rstd;
                dBias[c] += dy[i];
            }
        }

        return (dx, dWeight, dBias);
    }

    /// <summary>The smallest variance ε included that any channel has in any group: the size of 1/r².</summary>
    public static double SmallestBatchVariance(
        double[] x, int rows, int channels, int spatial, int groups, double epsilon) =>
        epsilon + Enumerable.Range(0, groups * channels).Min(slot => MeanAndVariance(
            x, Members(rows, channels, spatial, groups, slot / channels, slot % channels)).Variance);

    private static int[] Members(int rows, int channels, int spatial, int groups, int part, int channel)
    {
        int perGroup = rows / groups;
        return
        [
            .. from row in Enumerable.Range(part * perGroup, perGroup)
               from s in Enumerable.Range(0, spatial)
               select (((row * channels) + channel) * spatial) + s,
        ];
    }

    private static (double Mean, double Variance) MeanAndVariance(double[] x, int[] members)
    {
        double mean = members.Sum(i => x[i]) / members.Length;
        return (mean, members.Sum(i => (x[i] - mean) * (x[i] - mean)) / members.Length);
    }
}
