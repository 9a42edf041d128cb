namespace CudaViT.TestKit;

public static partial class Reference
{
    /// <summary>
    /// 2/√π ∫₀ˣ e^(−t²) dt by its series, erf x = 2/√π·e^(−x²) Σₙ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)), all of whose terms have
    /// one sign (M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions, 7.1.6).
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

    /// <summary>
    /// The standard normal distribution, Φ(x). Left of −1, where 1 + erf cancels, by Laplace's continued fraction
    /// Φ(−a) = φ(a) / (a + 1/(a + 2/(a + 3/(a + …)))) (Abramowitz and Stegun, 26.2.14).
    /// </summary>
    public static double NormalDistribution(double x)
    {
        if (x > -1)
        {
            return 0.5 * (1 + Erf(x / Math.Sqrt(2)));
        }

        double denominator = -x;
        for (int k = 500; k > 0; k--)
        {
            denominator = -x + (k / denominator);
        }

        return NormalDensity(x) / denominator;
    }

    /// <summary>The standard normal density, φ(x).</summary>
    public static double NormalDensity(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
}
