// Gelu: the exact Gaussian error linear unit of every element. Forward and backward.
//   y_i  = x_i Phi(x_i)
//   dx_i = dy_i (Phi(x_i) + x_i phi(x_i))
// Shapes   x, y, dx, dy of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     gelu_forward: 2*N*sizeof(scalar_t) bytes, 30*N FLOPs
//          gelu_forward_scalar: 2*N*sizeof(scalar_t) bytes, 30*N FLOPs
//          gelu_backward: 3*N*sizeof(scalar_t) bytes, 35*N FLOPs
//          gelu_backward_scalar: 3*N*sizeof(scalar_t) bytes, 35*N FLOPs
// Saves    x: GELU is not monotonous, so y does not determine it.
// Source   D. Hendrycks, K. Gimpel, arXiv:1606.08415.
#include "common/map.cuh"
#include "common/normal.cuh"

extern "C" __global__ void gelu_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return gelu(v); });
}

extern "C" __global__ void gelu_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return gelu(v); });
}

extern "C" __global__ void gelu_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(dx, dy, x, N, [](acc_t dv, acc_t v) { return dv * gelu_slope(v); });
}

extern "C" __global__ void gelu_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(dx, dy, x, N, [](acc_t dv, acc_t v) { return dv * gelu_slope(v); });
}
