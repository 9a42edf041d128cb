namespace CudaViT.TestKit;

/// <summary>Test inputs as doubles, the same for the same seed.</summary>
public static class Values
{
    /// <summary>Normal values by the Box-Muller transform.</summary>
    public static double[] Normal(long count, int seed, double scale = 1, double shift = 0)
    {
        var random = new Random(seed);
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = shift + (scale * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }

    /// <summary>Values spread evenly over [low, high).</summary>
    public static double[] Uniform(long count, int seed, double low, double high)
    {
        var random = new Random(seed);
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = low + ((high - low) * random.NextDouble());
        }

        return values;
    }
}
