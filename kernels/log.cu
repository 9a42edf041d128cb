// Log: natural logarithm of every element. The gradient, dy / x, is a quotient of its own.
//   y_i = ln x_i
// Shapes   x, y of N elements each. Any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     log_forward: 2*N*sizeof(scalar_t) bytes, 8*N FLOPs
//          log_forward_scalar: 2*N*sizeof(scalar_t) bytes, 8*N FLOPs
#include "common/map.cuh"

extern "C" __global__ void log_forward(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<kPackWidth>(y, x, N, [](acc_t v) { return log(v); });
}

extern "C" __global__ void log_forward_scalar(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    map<1>(y, x, N, [](acc_t v) { return log(v); });
}
