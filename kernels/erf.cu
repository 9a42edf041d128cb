// Erf: error function of every element. Forward and backward.
//   y_i  = erf(x_i)
//   dx_i = dy_i 2 / sqrt(pi) e^(-x_i^2)
// Shapes   x, y, dx, dy of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     erf_forward: 2*N*sizeof(scalar_t) bytes, 20*N FLOPs
//          erf_forward_scalar: 2*N*sizeof(scalar_t) bytes, 20*N FLOPs
//          erf_backward: 3*N*sizeof(scalar_t) bytes, 11*N FLOPs
//          erf_backward_scalar: 3*N*sizeof(scalar_t) bytes, 11*N FLOPs
// Saves    x: where y has rounded to 1, its slope is lost.
#include "common/map.cuh"

extern "C" __global__ void erf_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return erf(v); });
}

extern "C" __global__ void erf_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return erf(v); });
}

extern "C" __global__ void erf_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(dx, dy, x, N, [](acc_t dv, acc_t v) { return dv * (acc_t(1.1283791670955126) * exp(-v * v)); });
}

extern "C" __global__ void erf_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(dx, dy, x, N, [](acc_t dv, acc_t v) { return dv * (acc_t(1.1283791670955126) * exp(-v * v)); });
}
