namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// Products [batch, m, n] of a [batch, m, k] and b [batch, k, n], each stored transposed if so said; b may be one
    /// matrix.
    /// </summary>
    public static double[] MatMul(
        double[] a, double[] b, int batch, int m, int n, int k, bool transposeA, bool transposeB, bool oneB = false)
    {
        double[] y = new double[batch * m * n];
        for (int item = 0; item < batch; item++)
        {
            int aStart = item * m * k;
            int bStart = oneB ? 0 : item * k * n;
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    double sum = 0;
                    for (int p = 0; p < k; p++)
                    {
                        int left = transposeA ? (p * m) + i : (i * k) + p;
                        int right = transposeB ? (j * k) + p : (p * n) + j;
                        sum += a[aStart + left] * b[bStart + right];
                    }

                    y[(((item * m) + i) * n) + j] = sum;
                }
            }
        }

        return y;
    }
}
