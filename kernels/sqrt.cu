// Sqrt: square root of every element. Forward and backward.
//   y_i  = sqrt(x_i)
//   dx_i = dy_i / (2 y_i)
// Shapes   x, y, dx, dy of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     sqrt_forward: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          sqrt_forward_scalar: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          sqrt_backward: 3*N*sizeof(scalar_t) bytes, 2*N FLOPs
//          sqrt_backward_scalar: 3*N*sizeof(scalar_t) bytes, 2*N FLOPs
// Saves    y.
#include "common/map.cuh"

extern "C" __global__ void sqrt_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return sqrt(v); });
}

extern "C" __global__ void sqrt_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return sqrt(v); });
}

extern "C" __global__ void sqrt_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<kPackWidth>(dx, dy, y, N, [](acc_t dv, acc_t v) { return dv / v * acc_t(0.5); });
}

extern "C" __global__ void sqrt_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<1>(dx, dy, y, N, [](acc_t dv, acc_t v) { return dv / v * acc_t(0.5); });
}
