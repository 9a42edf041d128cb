namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>f(a, b) under NumPy's broadcasting rule: the result's elements, in row-major order.</summary>
    public static double[] Broadcast(double[] a, int[] shapeA, double[] b, int[] shapeB, Func<double, double, double> f)
    {
        int[] shape = BroadcastShape(shapeA, shapeB);
        double[] y = new double[shape.Aggregate(1, (n, d) => n * d)];
        for (int i = 0; i < y.Length; i++)
        {
            y[i] = f(a[Project(i, shape, shapeA)], b[Project(i, shape, shapeB)]);
        }

        return y;
    }

    /// <summary>Elements of <paramref name="x"/> added to where broadcasting took them from: the adjoint.</summary>
    public static double[] SumTo(double[] x, int[] from, int[] to)
    {
        double[] sums = new double[to.Aggregate(1, (n, d) => n * d)];
        for (int i = 0; i < x.Length; i++)
        {
            sums[Project(i, from, to)] += x[i];
        }

        return sums;
    }

    /// <summary>The shape that two shapes broadcast to.</summary>
    public static int[] BroadcastShape(int[] a, int[] b)
    {
        int[] shape = new int[Math.Max(a.Length, b.Length)];
        for (int i = 1; i <= shape.Length; i++)
        {
            int da = i <= a.Length ? a[^i] : 1;
            int db = i <= b.Length ? b[^i] : 1;
            shape[^i] = da == 1 ? db : da;
        }

        return shape;
    }

    /// <summary>Which element of a small shape, by row-major index, an element of a large one comes from.</summary>
    public static int Project(int index, int[] large, int[] small)
    {
        int result = 0;
        int stride = 1;
        for (int i = 1; i <= small.Length; i++)
        {
            int at = index % large[^i];
            index /= large[^i];
            result += small[^i] == 1 ? 0 : at * stride;
            stride *= small[^i];
        }

        return result;
    }
}
