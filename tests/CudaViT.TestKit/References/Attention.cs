namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// Result [batch, tokens, heads * width] and probabilities [batch, heads, tokens, tokens] of attention.
    /// </summary>
    /// <param name="qkv">[batch, tokens, 3, heads, width].</param>
    /// <param name="batch">Samples.</param>
    /// <param name="tokens">Tokens of a sample.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="width">Width of a head.</param>
    /// <param name="scale">Factor of the scores.</param>
    public static (double[] Y, double[] Probabilities) Attention(
        double[] qkv, int batch, int tokens, int heads, int width, double scale)
    {
        double[] y = new double[batch * tokens * heads * width];
        double[] probabilities = new double[batch * heads * tokens * tokens];
        for (int b = 0; b < batch; b++)
        {
            for (int h = 0; h < heads; h++)
            {
                for (int i = 0; i < tokens; i++)
                {
                    double[] weights = new double[tokens];
                    for (int j = 0; j < tokens; j++)
                    {
                        for (int c = 0; c < width; c++)
                        {
                            weights[j] += scale * qkv[At(0, b, i, h, c)] * qkv[At(1, b, j, h, c)];
                        }
                    }

                    double max = weights.Max();
                    double sum = weights.Sum(score => Math.Exp(score - max));
                    for (int j = 0; j < tokens; j++)
                    {
                        double p = Math.Exp(weights[j] - max) / sum;
                        probabilities[(((((b * heads) + h) * tokens) + i) * tokens) + j] = p;
                        for (int c = 0; c < width; c++)
                        {
                            y[(((((b * tokens) + i) * heads) + h) * width) + c] += p * qkv[At(2, b, j, h, c)];
                        }
                    }
                }
            }
        }

        return (y, probabilities);

        int At(int part, int b, int i, int h, int c) =>
            (((((((b * tokens) + i) * 3) + part) * heads) + h) * width) + c;
    }

    /// <summary>Gradient of <see cref="Attention"/> by qkv, term by term of the softmax's Jacobian.</summary>
    public static double[] AttentionBackward(
        double[] dy, double[] qkv, int batch, int tokens, int heads, int width, double scale)
    {
        (_, double[] probabilities) = Attention(qkv, batch, tokens, heads, width, scale);
        double[] dqkv = new double[qkv.Length];
        for (int b = 0; b < batch; b++)
        {
            for (int h = 0; h < heads; h++)
            {
                for (int i = 0; i < tokens; i++)
                {
                    ReadOnlySpan<double> p =
                        probabilities.AsSpan(((((b * heads) + h) * tokens) + i) * tokens, tokens);
                    double[] dp = new double[tokens];
                    double mean = 0;
                    for (int j = 0; j < tokens; j++)
                    {
                        for (int c = 0; c < width; c++)
                        {
                            double upstream = dy[(((((b * tokens) + i) * heads) + h) * width) + c];
                            dp[j] += upstream * qkv[At(2, b, j, h, c)];
                            dqkv[At(2, b, j, h, c)] += p[j] * upstream;
                        }

                        mean += p[j] * dp[j];
                    }

                    for (int j = 0; j < tokens; j++)
                    {
                        double ds = scale * p[j] * (dp[j] - mean);
                        for (int c = 0; c < width; c++)
                        {
                            dqkv[At(0, b, i, h, c)] += ds * qkv[At(1, b, j, h, c)];
                            dqkv[At(1, b, j, h, c)] += ds * qkv[At(0, b, i, h, c)];
                        }
                    }
                }
            }
        }

        return dqkv;

        int At(int part, int b, int i, int h, int c) =>
            (((((((b * tokens) + i) * 3) + part) * heads) + h) * width) + c;
    }
}
