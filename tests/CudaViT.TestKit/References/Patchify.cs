namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// Patches [batch, patches, channels * patch * patch] of images [batch, channels, height, width].
    /// </summary>
    public static double[] Patchify(double[] x, int batch, int channels, int height, int width, int patch)
    {
        double[] y = new double[x.Length];
        int at = 0;
        for (int b = 0; b < batch; b++)
        {
            for (int down = 0; down < height; down += patch)
            {
                for (int right = 0; right < width; right += patch)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        for (int r = 0; r < patch; r++)
                        {
                            for (int s = 0; s < patch; s++)
                            {
                                y[at++] = x[(((((b * channels) + c) * height) + down + r) * width) + right + s];
                            }
                        }
                    }
                }
            }
        }

        return y;
    }
}
