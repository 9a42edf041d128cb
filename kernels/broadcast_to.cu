// BroadcastTo: an array stretched along axes of length 1, times a number: the adjoint of SumTo.
//   y_i = factor x_j, where j is i without the stretched axes
// Shapes   x [X elements] broadcasts to y [N elements]; y is walked in rows of R. X is for the cost
//          alone. At most 8 axes after merging; any N >= 1.
// Types    x, y scalar_t; factor and the product acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(rows * ceil(R / W) / 256): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     broadcast_to: (N + X)*sizeof(scalar_t) bytes, N FLOPs
//          broadcast_to_scalar: (N + X)*sizeof(scalar_t) bytes, N FLOPs
#include "common/broadcast.cuh"

// x is both operands; the second is not looked at and its loads go.
extern "C" __global__ void broadcast_to(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t factor,
    const __grid_constant__ Axes outer, bool x_moves, index_t R, index_t N, index_t X)
{
    broadcast<kPackWidth>(y, x, x, outer, x_moves, false, R, N, [=](acc_t u, acc_t) { return factor * u; });
}

extern "C" __global__ void broadcast_to_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t factor,
    const __grid_constant__ Axes outer, bool x_moves, index_t R, index_t N, index_t X)
{
    broadcast<1>(y, x, x, outer, x_moves, false, R, N, [=](acc_t u, acc_t) { return factor * u; });
}
