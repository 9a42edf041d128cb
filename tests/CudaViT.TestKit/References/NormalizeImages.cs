namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// (x / 255 − mean) / std of [batch, height, width, channels] as [batch, channels, height, width].
    /// </summary>
    public static double[] NormalizeImages(
        double[] x, int batch, int height, int width, int channels, float[] mean, float[] std)
    {
        double[] y = new double[x.Length];
        for (int b = 0; b < batch; b++)
        {
            for (int c = 0; c < channels; c++)
            {
                for (int h = 0; h < height; h++)
                {
                    for (int w = 0; w < width; w++)
                    {
                        double pixel = x[(((((b * height) + h) * width) + w) * channels) + c];
                        y[(((((b * channels) + c) * height) + h) * width) + w] = ((pixel / 255) - mean[c]) / std[c];
                    }
                }
            }
        }

        return y;
    }
}
