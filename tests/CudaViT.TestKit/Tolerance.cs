using CudaViT.Core;

namespace CudaViT.TestKit;

/// <summary>
/// An error bound derived from the arithmetic: |a − e| ≤ r·(|e| + scale), where the scale is the root mean square of
/// the expected values unless a test knows the size of the terms that cancelled.
/// </summary>
/// <param name="Relative">The factor r.</param>
/// <param name="Scale">Size of the terms that were summed; null for the root mean square of the expected
/// values.</param>
public readonly record struct Tolerance(double Relative, double? Scale = null)
{
    /// <summary>Bound for results of one operation.</summary>
    /// <param name="dtype">Type of the operands and the result.</param>
    /// <param name="reduced">
    /// Number K of terms in the longest sum; roundings add up like a random walk, so r = 8·u·√K with u of the
    /// accumulator. BF16 adds the rounding of the result, 2⁻⁸.
    /// </param>
    public static Tolerance For(DType dtype, long reduced = 1)
    {
        double sum = 8 * dtype.Accumulator().UnitRoundoff() * Math.Sqrt(Math.Max(1, reduced));
        return new Tolerance(dtype == DType.BF16 ? sum + DType.BF16.UnitRoundoff() : sum);
    }

    /// <summary>The same bound with another size of terms.</summary>
    public Tolerance At(double scale) => this with { Scale = scale };

    /// <summary>The same bound for a chain of several operations, each with its own rounding.</summary>
    public Tolerance Times(double operations) => this with { Relative = Relative * operations };
}
