namespace CudaViT.Training.Reports.Pictures;

/// <summary>The directions in which vectors vary most.</summary>
/// <remarks>
/// Subspace iteration with Rayleigh-Ritz (Golub and Van Loan, Matrix Computations, section 8.2) on the covariance
/// matrix, from a fixed start: the same vectors give the same directions. The largest entry of a direction is positive.
/// </remarks>
internal static class PrincipalComponents
{
    private const int Iterations = 40;
    private const int Spare = 5; // further directions that are iterated along: convergence follows the first left out

    /// <summary>Finds directions.</summary>
    /// <param name="covariance">[width, width], symmetric.</param>
    /// <param name="width">Length of a vector.</param>
    /// <param name="count">How many directions.</param>
    /// <returns>Unit vectors with their variances, the largest first.</returns>
    public static IReadOnlyList<(double Variance, double[] Direction)> Of(double[] covariance, int width, int count)
    {
        int columns = Math.Min(width, count + Spare);
        double[][] basis = [.. Enumerable.Range(0, columns).Select(j =>
            Enumerable.Range(0, width).Select(i => Math.Cos((i + 1.0) * (j + 1.0))).ToArray())];
        Orthonormalize(basis);
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            basis = [.. basis.Select(vector => Multiply(covariance, vector))];
            Orthonormalize(basis);
        }

        return [.. Ritz(covariance, basis).OrderByDescending(pair => pair.Variance).Take(count)];
    }

    private static double[] Multiply(double[] matrix, double[] vector)
    {
        double[] result = new double[vector.Length];
        for (int row = 0; row < result.Length; row++)
        {
            result[row] = Dot(matrix.AsSpan(row * vector.Length, vector.Length), vector);
        }

        return result;
    }

    // Gram-Schmidt, twice: once loses orthogonality where columns are nearly parallel.
    private static void Orthonormalize(double[][] basis)
    {
        for (int j = 0; j < basis.Length; j++)
        {
            for (int pass = 0; pass < 2; pass++)
            {
                for (int before = 0; before < j; before++)
                {
                    AddScaled(basis[j], -Dot(basis[before], basis[j]), basis[before]);
                }
            }

            double length = Math.Sqrt(Dot(basis[j], basis[j]));
            for (int i = 0; i < basis[j].Length; i++)
            {
                basis[j][i] = length > double.Epsilon ? basis[j][i] / length : 0;
            }
        }
    }

    private static IEnumerable<(double Variance, double[] Direction)> Ritz(double[] covariance, double[][] basis)
    {
        int n = basis.Length;
        double[,] small = new double[n, n];
        for (int j = 0; j < n; j++)
        {
            double[] image = Multiply(covariance, basis[j]);
            for (int i = 0; i < n; i++)
            {
                small[i, j] = Dot(basis[i], image);
            }
        }

        double[,] rotation = Diagonalize(small);
        for (int j = 0; j < n; j++)
        {
            double[] direction = new double[basis[0].Length];
            for (int i = 0; i < n; i++)
            {
                AddScaled(direction, rotation[i, j], basis[i]);
            }

            double largest = direction.MaxBy(Math.Abs);
            yield return (small[j, j], largest < 0 ? Array.ConvertAll(direction, value => -value) : direction);
        }
    }

    // Jacobi's rotations, which leave the eigenvalues on the diagonal and give the eigenvectors as columns.
    private static double[,] Diagonalize(double[,] a)
    {
        int n = a.GetLength(0);
        double[,] vectors = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            vectors[i, i] = 1;
        }

        for (int sweep = 0; sweep < 30; sweep++)
        {
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    if (a[p, q] != 0)
                    {
                        Rotate(a, vectors, p, q);
                    }
                }
            }
        }

        return vectors;
    }

    private static void Rotate(double[,] a, double[,] vectors, int p, int q)
    {
        double theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        double t = (theta < 0 ? -1 : 1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double cosine = 1 / Math.Sqrt((t * t) + 1);
        double sine = t * cosine;
        int n = a.GetLength(0);
        for (int k = 0; k < n; k++)
        {
            (a[k, p], a[k, q]) = ((cosine * a[k, p]) - (sine * a[k, q]), (sine * a[k, p]) + (cosine * a[k, q]));
        }

        for (int k = 0; k < n; k++)
        {
            (a[p, k], a[q, k]) = ((cosine * a[p, k]) - (sine * a[q, k]), (sine * a[p, k]) + (cosine * a[q, k]));
            (vectors[k, p], vectors[k, q]) =
                ((cosine * vectors[k, p]) - (sine * vectors[k, q]), (sine * vectors[k, p]) + (cosine * vectors[k, q]));
        }

        a[p, q] = a[q, p] = 0;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled(double[] sum, double factor, double[] term)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += factor * term[i];
        }
    }
}
