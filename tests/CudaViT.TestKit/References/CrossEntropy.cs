namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>Mean cross entropy of [rows, classes] and its gradient by the logits.</summary>
    public static (double Loss, double[] Dx) CrossEntropy(
        double[] logits, double[] labels, int rows, int classes, double labelSmoothing)
    {
        double loss = 0;
        double[] dx = new double[logits.Length];
        for (int i = 0; i < rows; i++)
        {
            double[] row = logits[(i * classes)..((i + 1) * classes)];
            double largest = row.Max();
            double logSumExp = largest + Math.Log(row.Sum(x => Math.Exp(x - largest)));
            for (int c = 0; c < classes; c++)
            {
                double target = (labelSmoothing / classes) + (c == labels[i] ? 1 - labelSmoothing : 0);
                loss += target * (logSumExp - row[c]) / rows;
                dx[(i * classes) + c] = (Math.Exp(row[c] - logSumExp) - target) / rows;
            }
        }

        return (loss, dx);
    }
}
