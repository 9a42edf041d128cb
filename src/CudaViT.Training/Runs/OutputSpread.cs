using CudaViT.Core;

namespace CudaViT.Training.Runs;

/// <summary>
/// How far the outputs of a batch spread over the unit sphere: the first thing to look at for a collapse.
/// </summary>
/// <remarks>
/// X. Chen, K. He, "Exploring simple Siamese representation learning", arXiv:2011.10566, section 4.1.
/// </remarks>
public static class OutputSpread
{
    /// <summary>
    /// Standard deviation over the batch of each dimension of the normalised outputs, averaged over dimensions,
    /// times √d: 1 for directions drawn evenly, 0 when all are alike.
    /// </summary>
    /// <param name="outputs">One array [B, d] per view; their values are averaged.</param>
    public static double Of(params IReadOnlyList<NdArray> outputs)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        return outputs.Average(output => OfOne(L2Normalize.Apply(new Tensor(output)).Data));
    }

    // On the host: B·d numbers, and the order of the sums is fixed.
    private static double OfOne(NdArray unit)
    {
        (int rows, int width) = (unit.Shape[0], unit.Shape[1]);
        double[] values = unit.ToDoubles();
        double total = 0;
        for (int j = 0; j < width; j++)
        {
            double mean = 0;
            for (int i = 0; i < rows; i++)
            {
                mean += values[(i * width) + j];
            }

            mean /= rows;
            double squares = 0;
            for (int i = 0; i < rows; i++)
            {
                double difference = values[(i * width) + j] - mean;
                squares += difference * difference;
            }

            total += Math.Sqrt(squares / rows);
        }

        return total / width * Math.Sqrt(width);
    }
}
