// Scale: product of every element with one number. The gradient is the same product.
//   y_i = factor x_i
// Shapes   x, y of N elements each. Any N >= 1.
// Types    x, y scalar_t; factor and the product acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     scale: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          scale_scalar: 2*N*sizeof(scalar_t) bytes, N FLOPs
#include "common/map.cuh"

extern "C" __global__ void scale(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t factor, index_t N)
{
    map<kPackWidth>(y, x, N, [=](acc_t v) { return factor * v; });
}

extern "C" __global__ void scale_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t factor, index_t N)
{
    map<1>(y, x, N, [=](acc_t v) { return factor * v; });
}
