// normal.cuh: the normal distribution Phi and its density phi, and with them the exact GELU, x Phi(x), and its slope.
// Written as x/2 (1 + erf(x/sqrt(2))), GELU would lose every digit far to the left, where the sum is a difference of
// equal numbers. Here the tail keeps its relative accuracy however small it gets:
//   Phi(-a) = e^(-a^2/2) u h(q) for a >= 0, with u = 1 / (a + k), q = (a - k) / (a + k) and a polynomial h
// The same formulas and coefficients as src/CudaViT.Cpu/Compute/VectorMath.cs: within 6 units of 2^-24 or 8 of 2^-53.
//   Source  M. M. Shepherd and J. G. Laframboise, Math. Comp. 36 (1981), 249-253; Hendrycks and Gimpel, arXiv:1606.08415.
#pragma once
#include "common/scalar.cuh"

// h(q) for -1 <= q <= 1, which is every a >= 0; the highest power first. A Chebyshev expansion, summed in 60 digits.
__device__ __forceinline__ acc_t normal_tail_factor(acc_t q)
{
#if defined(SCALAR_F64)
    constexpr acc_t h[] = {
        1.2469361647253148e-10, -1.331210743010702e-10, -1.5336075571599545e-09, 1.2713759260278231e-09,
        1.1239006700979712e-08, -6.940847374044867e-09, -7.037836390945866e-08, 3.8571448567257587e-08,
        4.3630855178173227e-07, -3.335427141231054e-07, -2.7706673577333692e-06, 3.979361513829216e-06,
        1.6681606239553063e-05, -4.9762327924579515e-05, -5.937579729300215e-05, 0.0005448989683735629,
        -0.000797869391016416, -0.002993376758978478, 0.020795066799424885, -0.06911863870707162,
        0.16502036617039925, -0.3135331566712814, 0.49530561596997624, -0.665382502890057, 0.769193049750063};
#else
    constexpr acc_t h[] = {
        2.1182985e-05f, -1.7310823e-06f, -0.00021557377f, 0.00013365339f, 0.00162204f, -0.0034799546f, -0.007537717f,
        0.06039665f, -0.18652216f, 0.38713738f, -0.6078966f, 0.75528514f};
#endif
    acc_t sum = h[0];
#pragma unroll
    for (int i = 1; i < (int)(sizeof(h) / sizeof(h[0])); i++) sum = fma(sum, q, h[i]);
    return sum;
}

// |x|, cut off where tail and density have long been zero, so that infinity times zero does not arise. NaN stays.
__device__ __forceinline__ acc_t normal_distance(acc_t x)
{
    const acc_t a = fabs(x);
    return a > acc_t(100) ? acc_t(100) : a;
}

// e^(-a^2/2). What rounding cuts off a^2 is put back to first order.
__device__ __forceinline__ acc_t normal_bell(acc_t a)
{
    const acc_t minus_half = acc_t(-0.5) * a;
    const acc_t square = minus_half * a;
    const acc_t rest = fma(minus_half, a, -square);
    const acc_t e = exp(square);
    return fma(e, rest, e);
}

// Phi(-a) for a >= 0, given e^(-a^2/2).
__device__ __forceinline__ acc_t normal_tail(acc_t a, acc_t bell)
{
    const acc_t center = sizeof(acc_t) == 8 ? 5 : 4; // k: where the expansion converges fastest at this length
    const acc_t u = 1 / (a + center);
    return bell * u * normal_tail_factor((a - center) * u);
}

// x Phi(x).
__device__ __forceinline__ acc_t gelu(acc_t x)
{
    const acc_t a = normal_distance(x);
    const acc_t tail = normal_tail(a, normal_bell(a));
    return x < 0 ? -a * tail : x * (1 - tail);
}

// Phi(x) + x phi(x), the derivative of gelu.
__device__ __forceinline__ acc_t gelu_slope(acc_t x)
{
    const acc_t a = normal_distance(x);
    const acc_t bell = normal_bell(a);
    const acc_t tail = normal_tail(a, bell);
    const acc_t density = a * bell * acc_t(0.3989422804014327); // |x| phi(x); 1 / sqrt(2 pi)
    return x < 0 ? tail - density : 1 - tail + density;
}
