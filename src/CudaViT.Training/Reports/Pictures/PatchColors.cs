namespace CudaViT.Training.Reports.Pictures;

/// <summary>Colours patches by the first three principal components of their features, over several images.</summary>
internal static class PatchColors
{
    private const int Colors = 3;
    private const double Outliers = 0.01; // at either end, left out of the range of colours

    /// <summary>Draws the maps.</summary>
    /// <param name="images">For each image its patches, each with its features.</param>
    /// <param name="grid">Patches along a side.</param>
    /// <returns>A map for each image, and the share of the variance that each component explains.</returns>
    public static (IReadOnlyList<Picture> Maps, IReadOnlyList<double> Shares) Of(
        IReadOnlyList<double[][]> images, int grid)
    {
        double[][] patches = Center([.. images.SelectMany(patches => patches)]);
        double[] covariance = Covariance(patches);
        int width = patches[0].Length;
        double total = Enumerable.Range(0, width).Sum(i => covariance[(i * width) + i]);
        IReadOnlyList<(double Variance, double[] Direction)> components =
            PrincipalComponents.Of(covariance, width, Math.Min(Colors, width));
        byte[][] levels = [.. components.Select(component => Levels(patches, component.Direction))];
        int perImage = grid * grid;
        return (
            [.. Enumerable.Range(0, images.Count).Select(i => Map(levels, i * perImage, grid))],
            [.. components.Select(component => total > 0 ? component.Variance / total : 0)]);
    }

    private static double[][] Center(double[][] rows)
    {
        double[] mean = new double[rows[0].Length];
        foreach (double[] row in rows)
        {
            for (int i = 0; i < mean.Length; i++)
            {
                mean[i] += row[i] / rows.Length;
            }
        }

        return [.. rows.Select(row => row.Zip(mean, (value, middle) => value - middle).ToArray())];
    }

    private static double[] Covariance(double[][] rows)
    {
        int width = rows[0].Length;
        double[] covariance = new double[width * width];

        // Each thread writes rows of its own, each sum in the order of the patches.
        Parallel.For(0, width, i =>
        {
            Span<double> sums = covariance.AsSpan(i * width, width);
            foreach (double[] row in rows)
            {
                double factor = row[i] / rows.Length;
                for (int j = 0; j < sums.Length; j++)
                {
                    sums[j] += factor * row[j];
                }
            }
        });
        return covariance;
    }

    private static byte[] Levels(double[][] patches, double[] direction)
    {
        double[] scores = [.. patches.Select(patch => patch.Zip(direction, (a, b) => a * b).Sum())];
        double[] sorted = [.. scores.Order()];
        int skipped = (int)(Outliers * scores.Length);
        (double low, double high) = (sorted[skipped], sorted[^(1 + skipped)]);
        return [.. scores.Select(score =>
            high > low ? (byte)Math.Round(255 * Math.Clamp((score - low) / (high - low), 0, 1)) : (byte)128)];
    }

    private static Picture Map(byte[][] levels, int first, int grid)
    {
        byte[] pixels = new byte[Colors * grid * grid];
        for (int i = 0; i < grid * grid; i++)
        {
            for (int color = 0; color < Colors; color++)
            {
                pixels[(Colors * i) + color] = color < levels.Length ? levels[color][first + i] : (byte)128;
            }
        }

        return new Picture(pixels, grid, grid, Colors);
    }
}
