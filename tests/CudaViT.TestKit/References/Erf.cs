namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// 2/√π ∫₀ˣ e^(−t²) dt by its series, erf x = 2/√π·e^(−x²) Σₙ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), all of whose terms have one
    /// sign (M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 7.1.6).
    /// </summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6)
        {
            return Math.Sign(x); // 1 − erf 6 is 2e-17
        }

        double term = x;
        double sum = x;
        for (int n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>The standard normal distribution, Φ(x).</summary>
    public static double NormalDistribution(double x) => 0.5 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>The standard normal density, φ(x).</summary>
    public static double NormalDensity(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
}
