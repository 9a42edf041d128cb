namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>Contrastive loss of queries [n, d] against keys [m, d], and its gradient by the queries.</summary>
    public static (double Loss, double[] Dq) InfoNce(
        double[] q, double[] k, int queries, int keys, int width, double temperature, int positiveOffset)
    {
        double[] unitQ = L2Normalize(q, queries, width, 1e-12);
        double[] unitK = L2Normalize(k, keys, width, 1e-12);
        double loss = 0;
        double[] dUnit = new double[q.Length];
        for (int i = 0; i < queries; i++)
        {
            double[] logits = new double[keys];
            for (int j = 0; j < keys; j++)
            {
                for (int c = 0; c < width; c++)
                {
                    logits[j] += unitQ[(i * width) + c] * unitK[(j * width) + c] / temperature;
                }
            }

            double largest = logits.Max();
            double logSumExp = largest + Math.Log(logits.Sum(s => Math.Exp(s - largest)));
            loss += 2 * temperature * (logSumExp - logits[i + positiveOffset]) / queries;
            for (int j = 0; j < keys; j++)
            {
                double share = Math.Exp(logits[j] - logSumExp) - (j == i + positiveOffset ? 1 : 0);
                for (int c = 0; c < width; c++)
                {
                    dUnit[(i * width) + c] += 2 * share * unitK[(j * width) + c] / queries;
                }
            }
        }

        return (loss, L2NormalizeBackward(dUnit, q, queries, width, 1e-12));
    }
}
