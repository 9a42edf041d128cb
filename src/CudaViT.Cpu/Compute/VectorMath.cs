using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Cpu;

/// <summary>
/// Elementary functions of float and double spans that <c>TensorPrimitives</c> lacks or computes slowly. An element's
/// bits depend on its value alone, not on its place or on the length of the span.
/// </summary>
/// <remarks>
/// <para>exp: x = n ln 2 + r with |r| ≤ ln 2 / 2 (Cody and Waite, Software Manual for the Elementary Functions, 1980),
/// then a polynomial in r.</para>
/// <para>The tail of the normal distribution, Φ(-a) = e^(-a²/2) u h(q) for a ≥ 0 with u = 1 / (a + k) and
/// q = (a - k) / (a + k), after Shepherd and Laframboise, Math. Comp. 36 (1981), 249-253. It keeps its relative
/// accuracy however small it gets, and so does all that is made of it.</para>
/// <para>The coefficients are Chebyshev expansions, summed in 60 digits; h is truncated below 3e-9 (float) and 1e-17
/// (double) of its value, the other polynomials below 2e-8 and 3e-17.</para>
/// </remarks>
internal static class VectorMath
{
    private const double Log2E = 1.4426950408889634;
    private const double InverseSqrt2Pi = 0.3989422804014327;
    private const double Sqrt2 = 1.4142135623730951;

    // Beyond this the tail and the density are zero in double; arguments are cut off here so that infinity times zero
    // does not arise.
    private const double FarOut = 100;

    // k of the tail: where the expansion converges fastest at the length that each type needs.
    private const double TailCenterSingle = 4;
    private const double TailCenterDouble = 5;

    // (e^r - 1 - r) / r² for |r| ≤ ln 2 / 2; the highest power first, as in all tables.
    private static ReadOnlySpan<float> ExpSingle => [0.0013934545f, 0.008363777f, 0.041666456f, 0.16666573f, 0.5f];

    private static ReadOnlySpan<double> ExpDouble =>
    [
        2.5106275452329115e-08, 2.762133974738188e-07, 2.7557252831535417e-06, 2.4801518638753758e-05,
        0.00019841269876866175, 0.0013888888918941191, 0.008333333333325544, 0.04166666666662063, 0.1666666666666667,
        0.5,
    ];

    // h(q) for -1 ≤ q ≤ 1, which is every a ≥ 0.
    private static ReadOnlySpan<float> TailSingle =>
    [
        2.1182985e-05f, -1.7310823e-06f, -0.00021557377f, 0.00013365339f, 0.00162204f, -0.0034799546f, -0.007537717f,
        0.06039665f, -0.18652216f, 0.38713738f, -0.6078966f, 0.75528514f,
    ];

    private static ReadOnlySpan<double> TailDouble =>
    [
        1.2469361647253148e-10, -1.331210743010702e-10, -1.5336075571599545e-09, 1.2713759260278231e-09,
        1.1239006700979712e-08, -6.940847374044867e-09, -7.037836390945866e-08, 3.8571448567257587e-08,
        4.3630855178173227e-07, -3.335427141231054e-07, -2.7706673577333692e-06, 3.979361513829216e-06,
        1.6681606239553063e-05, -4.9762327924579515e-05, -5.937579729300215e-05, 0.0005448989683735629,
        -0.000797869391016416, -0.002993376758978478, 0.020795066799424885, -0.06911863870707162,
        0.16502036617039925, -0.3135331566712814, 0.49530561596997624, -0.665382502890057, 0.769193049750063,
    ];

    // erf(x) / x as a polynomial in x², for |x| ≤ 1.
    private static ReadOnlySpan<float> ErfSingle =>
        [7.8824974e-05f, -0.0008018855f, 0.005189312f, -0.026854329f, 0.11283597f, -0.37612626f, 1.1283791f];

    private static ReadOnlySpan<double> ErfDouble =>
    [
        -7.798543850549947e-10, 1.3721520406351094e-08, -1.6208829856810202e-07, 1.6447471190594618e-06,
        -1.4924740785377576e-05, 0.00012055295112667001, -0.0008548325982543225, 0.005223977607269946,
        -0.026866170643256995, 0.1128379167094513, -0.37612638903183543, 1.1283791670955126,
    ];

    private interface IFunction<T>
    {
        static abstract Vector256<T> Of(Vector256<T> x);
    }

    private interface IFunction2<T>
    {
        static abstract Vector256<T> Of(Vector256<T> x, Vector256<T> y);
    }

    /// <summary>y = e^x, within 1 ulp of the rounded value. May work in place, as all functions here.</summary>
    public static void Exp<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Map<T, ExpFunction<T>>(x, y);

    /// <summary>y = erf(x) = 2/√π ∫₀ˣ e^(-t²) dt.</summary>
    public static void Erf<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Map<T, ErfFunction<T>>(x, y);

    /// <summary>erf(x) for one number.</summary>
    public static double Erf(double x) => ErfFunction<double>.Of(Vector256.Create(x)).ToScalar();

    /// <summary>
    /// y = x Φ(x) = x/2 (1 + erf(x/√2)), the exact GELU (Hendrycks and Gimpel, arXiv:1606.08415). At -∞ its limit, -0.
    /// </summary>
    public static void Gelu<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Map<T, GeluFunction<T>>(x, y);

    /// <summary>dx = dy (Φ(x) + x φ(x)), the gradient of <see cref="Gelu"/>.</summary>
    public static void GeluBackward<T>(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Map<T, GeluBackwardFunction<T>>(x, dy, dx);

    private static void Map<T, TFunction>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IFunction<T>
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(y.Length, x.Length);
        int whole = x.Length - (x.Length % Vector256<T>.Count);
        ref T from = ref MemoryMarshal.GetReference(x);
        ref T to = ref MemoryMarshal.GetReference(y);
        for (int i = 0; i < whole; i += Vector256<T>.Count)
        {
            TFunction.Of(Vector256.LoadUnsafe(ref from, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
        }

        if (whole < x.Length)
        {
            StoreFirst(TFunction.Of(LoadFirst(x[whole..])), y[whole..]);
        }
    }

    private static void Map<T, TFunction>(ReadOnlySpan<T> x, ReadOnlySpan<T> y, Span<T> z)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TFunction : struct, IFunction2<T>
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(y.Length, x.Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(z.Length, x.Length);
        int whole = x.Length - (x.Length % Vector256<T>.Count);
        ref T from1 = ref MemoryMarshal.GetReference(x);
        ref T from2 = ref MemoryMarshal.GetReference(y);
        ref T to = ref MemoryMarshal.GetReference(z);
        for (int i = 0; i < whole; i += Vector256<T>.Count)
        {
            TFunction.Of(Vector256.LoadUnsafe(ref from1, (nuint)i), Vector256.LoadUnsafe(ref from2, (nuint)i))
                .StoreUnsafe(ref to, (nuint)i);
        }

        if (whole < x.Length)
        {
            StoreFirst(TFunction.Of(LoadFirst(x[whole..]), LoadFirst(y[whole..])), z[whole..]);
        }
    }

    private static Vector256<T> LoadFirst<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Span<T> padded = stackalloc T[Vector256<T>.Count];
        padded.Clear();
        values.CopyTo(padded);
        return Vector256.Create<T>(padded);
    }

    private static void StoreFirst<T>(Vector256<T> vector, Span<T> values)
        where T : unmanaged
    {
        Span<T> padded = stackalloc T[Vector256<T>.Count];
        vector.CopyTo(padded);
        padded[..values.Length].CopyTo(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Constant<T>(double value)
        where T : unmanaged =>
        typeof(T) == typeof(float)
            ? Vector256.Create((float)value).As<float, T>()
            : Vector256.Create(value).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ReadOnlySpan<T> Table<T>(ReadOnlySpan<float> single, ReadOnlySpan<double> twice)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? MemoryMarshal.Cast<float, T>(single) : MemoryMarshal.Cast<double, T>(twice);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> MultiplyAdd<T>(Vector256<T> x, Vector256<T> y, Vector256<T> z)
        where T : unmanaged =>
        typeof(T) == typeof(float)
            ? Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float, T>()
            : Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<double, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Polynomial<T>(Vector256<T> x, ReadOnlySpan<T> coefficients)
        where T : unmanaged
    {
        // Even and odd powers apart: two chains of half the latency.
        Vector256<T> square = x * x;
        int i = coefficients.Length % 2;
        Vector256<T> even = i == 0 ? Vector256<T>.Zero : Vector256.Create(coefficients[0]);
        Vector256<T> odd = Vector256<T>.Zero;
        for (; i < coefficients.Length; i += 2)
        {
            odd = MultiplyAdd(odd, square, Vector256.Create(coefficients[i]));
            even = MultiplyAdd(even, square, Vector256.Create(coefficients[i + 1]));
        }

        return MultiplyAdd(odd, x, even);
    }

    /// <summary>x cut off at ±limit. NaN stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Clamp<T>(Vector256<T> x, Vector256<T> low, Vector256<T> high)
        where T : unmanaged
    {
        x = Vector256.ConditionalSelect(Vector256.GreaterThan(x, high), high, x);
        return Vector256.ConditionalSelect(Vector256.LessThan(x, low), low, x);
    }

    /// <summary>e^x of one vector, for loops that do more with it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Exp<T>(Vector256<T> x)
        where T : unmanaged
    {
        bool isSingle = typeof(T) == typeof(float);

        // Just beyond where the result overflows, and where it rounds to zero.
        x = Clamp(x, Constant<T>(isSingle ? -104 : -746), Constant<T>(isSingle ? 89 : 710));

        // Adding 1.5 * 2^(bits of the fraction) rounds to an integer, which is then also in the low bits.
        Vector256<T> magic = Constant<T>(isSingle ? 12582912.0 : 6755399441055744.0);
        Vector256<T> shifted = MultiplyAdd(x, Constant<T>(Log2E), magic);
        Vector256<T> n = shifted - magic;

        // ln 2 in two parts; with the fused operation the first needs no trailing zeros.
        Vector256<T> r = MultiplyAdd(n, Constant<T>(isSingle ? -0.6931471824645996 : -0.6931471805599453), x);
        r = MultiplyAdd(n, Constant<T>(isSingle ? 1.904654299957768e-09 : -2.3190468138462996e-17), r);
        Vector256<T> e = MultiplyAdd(r * r, Polynomial(r, Table<T>(ExpSingle, ExpDouble)), r) + Vector256<T>.One;

        // 2^n may be out of range although the product is not, so it is applied in two halves.
        Vector256<T> half1, half2;
        if (isSingle)
        {
            const int Bias = 127;
            Vector256<int> exponent =
                shifted.AsInt32() - Vector256.Create(12582912f).AsInt32() + Vector256.Create(2 * Bias);
            Vector256<int> low = Vector256.ShiftRightLogical(exponent, 1);
            half1 = (low << 23).As<int, T>();
            half2 = ((exponent - low) << 23).As<int, T>();
        }
        else
        {
            const long Bias = 1023;
            Vector256<long> exponent =
                shifted.AsInt64() - Vector256.Create(6755399441055744.0).AsInt64() + Vector256.Create(2 * Bias);
            Vector256<long> low = Vector256.ShiftRightLogical(exponent, 1);
            half1 = (low << 52).As<long, T>();
            half2 = ((exponent - low) << 52).As<long, T>();
        }

        return e * half1 * half2;
    }

    /// <summary>e^(-a²/2). What rounding cuts off a² is not lost.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Bell<T>(Vector256<T> a)
        where T : unmanaged
    {
        Vector256<T> minusHalf = a * Constant<T>(-0.5);
        Vector256<T> square = minusHalf * a;
        Vector256<T> rest = MultiplyAdd(minusHalf, a, -square);
        Vector256<T> e = Exp(square);
        return MultiplyAdd(e, rest, e);
    }

    /// <summary>Φ(-a) for a ≥ 0, given e^(-a²/2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Tail<T>(Vector256<T> a, Vector256<T> bell)
        where T : unmanaged
    {
        Vector256<T> center = Constant<T>(typeof(T) == typeof(float) ? TailCenterSingle : TailCenterDouble);
        Vector256<T> u = Vector256<T>.One / (a + center);
        Vector256<T> q = (a - center) * u;
        return bell * u * Polynomial(q, Table<T>(TailSingle, TailDouble));
    }

    private readonly struct ExpFunction<T> : IFunction<T>
        where T : unmanaged
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of(Vector256<T> x) => Exp(x);
    }

    private readonly struct ErfFunction<T> : IFunction<T>
        where T : unmanaged
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of(Vector256<T> x)
        {
            Vector256<T> sign = x & Constant<T>(-0.0);
            Vector256<T> size = Clamp(x ^ sign, Vector256<T>.Zero, Constant<T>(FarOut));
            Vector256<T> near = size * Polynomial(size * size, Table<T>(ErfSingle, ErfDouble));

            // erf(x) = 1 - 2 Φ(-√2 x)
            Vector256<T> scaled = size * Constant<T>(Sqrt2);
            Vector256<T> tail = Tail(scaled, Bell(scaled));
            Vector256<T> far = Vector256<T>.One - (tail + tail);
            return Vector256.ConditionalSelect(Vector256.LessThan(size, Vector256<T>.One), near, far) | sign;
        }
    }

    private readonly struct GeluFunction<T> : IFunction<T>
        where T : unmanaged
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of(Vector256<T> x)
        {
            Vector256<T> size = Clamp(Vector256.Abs(x), Vector256<T>.Zero, Constant<T>(FarOut));
            Vector256<T> tail = Tail(size, Bell(size));
            Vector256<T> isNegative = Vector256.LessThan(x, Vector256<T>.Zero);
            return Vector256.ConditionalSelect(isNegative, -size * tail, x * (Vector256<T>.One - tail));
        }
    }

    private readonly struct GeluBackwardFunction<T> : IFunction2<T>
        where T : unmanaged
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of(Vector256<T> x, Vector256<T> dy)
        {
            Vector256<T> size = Clamp(Vector256.Abs(x), Vector256<T>.Zero, Constant<T>(FarOut));
            Vector256<T> bell = Bell(size);
            Vector256<T> tail = Tail(size, bell);
            Vector256<T> slope = size * bell * Constant<T>(InverseSqrt2Pi); // |x| φ(x)
            Vector256<T> isNegative = Vector256.LessThan(x, Vector256<T>.Zero);
            return dy * Vector256.ConditionalSelect(isNegative, tail - slope, Vector256<T>.One - tail + slope);
        }
    }
}
