// Relu: positive part of every element. Forward and backward.
//   y_i  = max(x_i, 0); NaN stays
//   dx_i = dy_i if y_i > 0, else 0
// Shapes   x, y, dx, dy of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     relu_forward: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          relu_forward_scalar: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          relu_backward: 3*N*sizeof(scalar_t) bytes, N FLOPs
//          relu_backward_scalar: 3*N*sizeof(scalar_t) bytes, N FLOPs
// Saves    y, whose sign is that of x where it matters.
#include "common/map.cuh"

extern "C" __global__ void relu_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return v > 0 || v != v ? v : acc_t(0); });
}

extern "C" __global__ void relu_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return v > 0 || v != v ? v : acc_t(0); });
}

extern "C" __global__ void relu_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<kPackWidth>(dx, dy, y, N, [](acc_t dv, acc_t v) { return v > 0 ? dv : acc_t(0); });
}

extern "C" __global__ void relu_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<1>(dx, dy, y, N, [](acc_t dv, acc_t v) { return v > 0 ? dv : acc_t(0); });
}
