// Tanh: hyperbolic tangent of every element. Forward and backward.
//   y_i  = tanh(x_i)
//   dx_i = dy_i (1 - y_i^2)
// Shapes   x, y, dx, dy of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     tanh_forward: 2*N*sizeof(scalar_t) bytes, 15*N FLOPs
//          tanh_forward_scalar: 2*N*sizeof(scalar_t) bytes, 15*N FLOPs
//          tanh_backward: 3*N*sizeof(scalar_t) bytes, 3*N FLOPs
//          tanh_backward_scalar: 3*N*sizeof(scalar_t) bytes, 3*N FLOPs
// Saves    y.
#include "common/map.cuh"

extern "C" __global__ void tanh_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return tanh(v); });
}

extern "C" __global__ void tanh_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return tanh(v); });
}

extern "C" __global__ void tanh_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<kPackWidth>(dx, dy, y, N, [](acc_t dv, acc_t v) { return dv * (1 - v * v); });
}

extern "C" __global__ void tanh_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N)
{
    map<1>(dx, dy, y, N, [](acc_t dv, acc_t v) { return dv * (1 - v * v); });
}
