using System.Numerics;
using CudaViT.Cpu;

namespace CudaViT.Backend.Tests.Compute;

public sealed class VectorMathTests
{
    private const double U64 = 1.0 / (1L << 53);
    private const double U32 = 1.0 / (1 << 24);

    // erf in 60 digits (mpmath), on both sides of where the formula changes and out to where the result is 1.
    private static readonly (double X, double Erf)[] ErfTable =
    [
        (1e-300, 1.1283791670955126e-300),
        (1e-05, 0.0000112837916705790003),
        (0.1, 0.112462916018284898),
        (0.46875, 0.492613473217937992),
        (0.84, 0.765142711454994517),
        (0.9999999, 0.842700751438960998),
        (1.0, 0.842700792949714869),
        (1.25, 0.92290012825645823),
        (1.7, 0.983790458590774561),
        (2.5, 0.999593047982555041),
        (3.3, 0.999996942290203562),
        (4.0, 0.9999999845827421),
        (5.2, 0.999999999999807509),
        (6.0, 0.999999999999999978),
    ];

    // x Φ(x) and Φ(x) + x φ(x) in 60 digits, from where they are almost too small for a double; at -0.75 the two terms
    // of the gradient nearly cancel.
    private static readonly (double X, double Gelu, double Gradient)[] GeluTable =
    [
        (-37.0, -2.11846135233409342e-298, -7.83829866941851624e-297),
        (-20.0, -5.50724823721246739e-88, -1.1014360483133464e-86),
        (-9.5, -9.96978932159447712e-21, -9.46909347383138332e-20),
        (-6.25, -1.2826646407618368e-9, -8.0072850209523804e-9),
        (-4.0, -0.000126684967332479685, -0.000503649661226421486),
        (-2.5, -0.0155241633144403379, -0.0376110859081452082),
        (-1.0, -0.158655253931457051, -0.0833154705876862984),
        (-0.75, -0.169970514282651149, 0.000774278260764895628),
        (-0.1, -0.0460172162722971042, 0.420476907975269838),
        (-1e-08, -4.99999996010577206e-9, 0.499999992021154392),
        (1e-08, 5.00000003989422814e-9, 0.500000007978845608),
        (0.1, 0.0539827837277029014, 0.579523092024730162),
        (0.75, 0.580029485717348851, 0.999225721739235104),
        (1.0, 0.841344746068542949, 1.0833154705876863),
        (2.5, 2.48447583668555966, 1.03761108590814521),
        (4.0, 3.99987331503266752, 1.00050364966122642),
        (8.0, 7.99999999999999502, 1.0000000000000398),
    ];

    private delegate void Function<T>(ReadOnlySpan<T> x, Span<T> y);

    [Fact]
    public void Exp_is_within_one_unit_in_the_last_place()
    {
        // From the smallest subnormal to the largest finite result, in steps that hit no pattern of the reduction.
        AssertSweep<float>(VectorMath.Exp, Math.Exp, -103, 88.7, 0.00037, relative: 2 * U32, absolute: float.Epsilon);
        AssertSweep<double>(VectorMath.Exp, Math.Exp, -745, 709.7, 0.0037, relative: 3 * U64, absolute: double.Epsilon);
    }

    [Fact]
    public void Exp_of_zero_is_one_and_special_values_keep_their_meaning()
    {
        float[] single = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 89, -104, 1e30f, -1e30f];
        VectorMath.Exp<float>(single, single);
        Assert.Equal(
            [1, 1, float.NaN, float.PositiveInfinity, 0, float.PositiveInfinity, 0, float.PositiveInfinity, 0], single);

        double[] twice =
            [0, -0.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 710, -746, 1e300, -1e300];
        VectorMath.Exp<double>(twice, twice);
        Assert.Equal(
            [1, 1, double.NaN, double.PositiveInfinity, 0, double.PositiveInfinity, 0, double.PositiveInfinity, 0],
            twice);
    }

    [Fact]
    public void Erf_agrees_with_values_of_many_digits()
    {
        foreach ((double x, double expected) in ErfTable)
        {
            AssertNear(expected, VectorMath.Erf(x), 4 * U64 * expected, $"erf({x})");
            Assert.Equal(-VectorMath.Erf(x), VectorMath.Erf(-x));
        }
    }

    [Fact]
    public void Erf_agrees_with_its_series()
    {
        // Rounding x² costs the series itself up to 9 u at 3; beyond, the table is the better judge.
        AssertSweep<double>(VectorMath.Erf, ErfSeries, -3, 3, 0.00037, relative: 16 * U64, absolute: 0);
        AssertSweep<float>(VectorMath.Erf, ErfSeries, -5, 5, 0.00037, relative: 4 * U32, absolute: 0);
    }

    [Fact]
    public void Erf_of_special_values()
    {
        double[] x =
            [0, -0.0, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 30, -1e300, double.Epsilon];
        VectorMath.Erf<double>(x, x);
        Assert.Equal([0, -0.0, double.NaN, 1, -1, 1, -1, double.Epsilon], x);
        Assert.True(double.IsNegative(x[1]));
    }

    [Fact]
    public void Gelu_and_its_gradient_agree_with_values_of_many_digits()
    {
        double[] x = [.. GeluTable.Select(row => row.X)];
        double[] y = new double[x.Length];
        double[] dx = new double[x.Length];
        VectorMath.Gelu<double>(x, y);
        VectorMath.GeluBackward<double>(x, [.. x.Select(_ => 2.0)], dx);
        for (int i = 0; i < x.Length; i++)
        {
            (_, double gelu, double gradient) = GeluTable[i];
            AssertNear(gelu, y[i], 8 * U64 * Math.Abs(gelu), $"Gelu({x[i]})");

            // The two terms of the gradient have opposite signs below 0; each contributes its rounding.
            double terms = x[i] < 0 ? Math.Abs(gradient - gelu / x[i]) + Math.Abs(gelu / x[i]) : gradient;
            AssertNear(2 * gradient, dx[i], 2 * 8 * U64 * terms, $"GeluBackward({x[i]})");
        }
    }

    [Fact]
    public void Gelu_and_its_gradient_in_floats_agree_with_doubles()
    {
        static double Gelu(double x) => OneValue<double>(VectorMath.Gelu, x);
        static double Gradient(double x) => OneValue<double>(GradientOf, x);

        // Relative accuracy holds far into the tail, where x/2 (1 + erf) would have lost every digit.
        AssertSweep<float>(VectorMath.Gelu, Gelu, -12, 12, 0.00037, relative: 6 * U32, absolute: 0);
        AssertSweep<float>(GradientOf, Gradient, -12, 12, 0.00037, relative: 6 * U32, absolute: 3 * U32);
    }

    [Fact]
    public void Gelu_and_its_gradient_of_special_values()
    {
        float[] x = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e30f, -1e30f, 200];
        float[] y = new float[x.Length];
        VectorMath.Gelu<float>(x, y);
        Assert.Equal([0, -0f, float.NaN, float.PositiveInfinity, -0f, 1e30f, -0f, 200], y);
        GradientOf<float>(x, y);
        Assert.Equal([0.5f, 0.5f, float.NaN, 1, 0, 1, 0, 1], y);
    }

    [Fact]
    public void Bits_do_not_depend_on_place_or_length()
    {
        AssertPlaceless<float>(VectorMath.Exp);
        AssertPlaceless<double>(VectorMath.Exp);
        AssertPlaceless<float>(VectorMath.Erf);
        AssertPlaceless<double>(VectorMath.Erf);
        AssertPlaceless<float>(VectorMath.Gelu);
        AssertPlaceless<double>(VectorMath.Gelu);
        AssertPlaceless<float>(GradientOf);
        AssertPlaceless<double>(GradientOf);
    }

    [Fact]
    public void Spans_of_different_lengths_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => VectorMath.Exp<float>(new float[3], new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            VectorMath.GeluBackward<float>(new float[3], new float[2], new float[3]));
    }

    private static void GradientOf<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        y.Fill(T.One);
        VectorMath.GeluBackward(x, y, y);
    }

    private static double OneValue<T>(Function<T> function, double x)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] y = new T[1];
        function([T.CreateChecked(x)], y);
        return double.CreateChecked(y[0]);
    }

    // erf(x) = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3···(2n+1)): all terms of one sign, so nothing cancels.
    private static double ErfSeries(double x)
    {
        double term = x;
        double sum = x;
        for (int n = 1; Math.Abs(term) > 1e-20 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private static void AssertSweep<T>(
        Function<T> function, Func<double, double> reference, double first, double last, double step, double relative,
        double absolute)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] x = [.. Enumerable.Range(0, (int)((last - first) / step)).Select(i => T.CreateChecked(first + (i * step)))];
        T[] y = new T[x.Length];
        function(x, y);
        for (int i = 0; i < x.Length; i++)
        {
            double expected = reference(double.CreateChecked(x[i]));
            AssertNear(
                expected, double.CreateChecked(y[i]), (relative * Math.Abs(expected)) + absolute,
                $"{typeof(T).Name}, x = {x[i]:R}");
        }
    }

    private static void AssertPlaceless<T>(Function<T> function)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] x = [.. Enumerable.Range(0, 37).Select(i => T.CreateChecked((i * 0.29f) - 5))];
        T[] whole = new T[x.Length];
        function(x, whole);
        for (int start = 0; start < x.Length; start += 3)
        {
            for (int length = 0; length <= x.Length - start; length++)
            {
                T[] part = new T[length];
                function(x.AsSpan(start, length), part);
                Assert.Equal(whole.AsSpan(start, length).ToArray(), part);
            }
        }
    }

    private static void AssertNear(double expected, double actual, double bound, string what)
    {
        double error = Math.Abs(actual - expected);
        Assert.True(error <= bound, $"{what}: {actual:R}, expected {expected:R}, error {error:e2} > {bound:e2}");
    }
}
