// Softmax: turn every row into probabilities. Forward and backward.
//   m_i = max_j x_ij,  y_ij = exp(x_ij - m_i) / sum_k exp(x_ik - m_i)
//   dx_ij = y_ij * (dy_ij - sum_k dy_ik * y_ik)
// Shapes   x, y, dx, dy [N, D], rows contiguous. Any N, D >= 1.
// Types    x, y, dx, dy scalar_t; every sum acc_t.
// Builds   f64 f32 bf16
// Launch   block (32, 4): one warp per row; grid ceil(N / 4); no shared memory.
//          packed is 1 where rows are whole 16-byte packs at addresses that are multiples of 16, else 0.
// Cost     softmax_forward: 2*N*D*sizeof(scalar_t) bytes, 5*N*D FLOPs
//          softmax_backward: 3*N*D*sizeof(scalar_t) bytes, 4*N*D FLOPs
// Saves    y; x is not needed again.
#include "common/softmax.cuh"

extern "C" __global__ void __launch_bounds__(128, 8) softmax_forward(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N, index_t D, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const acc_t largest = row_max(x + i * D, D, packed);
    const acc_t sum = row_sum_exp(x + i * D, largest, D, packed);
    map_row(y + i * D, x + i * D, D, packed, [&](index_t, acc_t v) { return exp(v - largest) / sum; });
}

extern "C" __global__ void __launch_bounds__(128, 8) softmax_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N, index_t D,
    int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    acc_t along = 0;
    read_rows(dy + i * D, y + i * D, D, packed, [&](acc_t u, acc_t p) { along += u * p; });
    along = warp_sum(along);
    map_rows(dx + i * D, dy + i * D, y + i * D, D, packed, [&](acc_t u, acc_t p) { return p * (u - along); });
}
