namespace CudaViT.Training.Models.Vit;

/// <summary>Fixed two-dimensional position embeddings.</summary>
/// <remarks>
/// With Q = D/4 and ωₖ = 10000^(−k/Q), the token in row r and column c gets [sin(rω), cos(rω), sin(cω), cos(cω)]. The
/// row comes first, as in the published checkpoints (MoCo v3, arXiv:2104.02057, section 5).
/// </remarks>
public static class SinCosTable
{
    /// <summary>Embeddings of all tokens of a grid in row-major order.</summary>
    /// <param name="rows">Height of the grid.</param>
    /// <param name="columns">Width of the grid.</param>
    /// <param name="width">Width D of a token, a multiple of 4.</param>
    /// <param name="hasClassToken">Whether a row of zeros, for the class token, comes first.</param>
    /// <returns>[hasClassToken + rows·columns, D], row-major.</returns>
    /// <exception cref="ArgumentException"><paramref name="width"/> is not a multiple of 4.</exception>
    public static double[] Make(int rows, int columns, int width, bool hasClassToken)
    {
        if (width % 4 != 0)
        {
            throw new ArgumentException(
                $"The width of a sine-cosine table must be a multiple of 4, but it is {width}.");
        }

        int first = hasClassToken ? 1 : 0;
        int quarter = width / 4;
        double[] table = new double[(first + (rows * columns)) * width];
        for (int token = 0; token < rows * columns; token++)
        {
            (int row, int column) = Math.DivRem(token, columns);
            Span<double> values = table.AsSpan((first + token) * width, width);
            for (int k = 0; k < quarter; k++)
            {
                double frequency = Math.Pow(10000, -(double)k / quarter);
                (values[k], values[quarter + k]) = Math.SinCos(row * frequency);
                (values[(2 * quarter) + k], values[(3 * quarter) + k]) = Math.SinCos(column * frequency);
            }
        }

        return table;
    }
}
