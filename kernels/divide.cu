// Divide: quotient of two arrays, element by element, either of them stretched to the shape of the other.
//   y_i = a_i / b_i
// Shapes   a [A elements], b [B elements], broadcast to y [N elements]; y is walked in rows of R. A and B are for the
//          cost alone. At most 8 axes after merging; any N >= 1.
// Types    scalar_t; computed in acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(rows * ceil(R / W) / 256): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     divide: (N + A + B)*sizeof(scalar_t) bytes, N FLOPs
//          divide_scalar: (N + A + B)*sizeof(scalar_t) bytes, N FLOPs
#include "common/broadcast.cuh"

extern "C" __global__ void divide(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b,
    const __grid_constant__ Axes outer, bool a_moves, bool b_moves, index_t R, index_t N, index_t A, index_t B)
{
    broadcast<kPackWidth>(y, a, b, outer, a_moves, b_moves, R, N, [](acc_t u, acc_t v) { return u / v; });
}

extern "C" __global__ void divide_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b,
    const __grid_constant__ Axes outer, bool a_moves, bool b_moves, index_t R, index_t N, index_t A, index_t B)
{
    broadcast<1>(y, a, b, outer, a_moves, b_moves, R, N, [](acc_t u, acc_t v) { return u / v; });
}
