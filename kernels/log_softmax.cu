// LogSoftmax: logarithm of the softmax of every row, without forming the probabilities. Forward and backward.
//   m_i = max_j x_ij,  y_ij = (x_ij - m_i) - log(sum_k exp(x_ik - m_i))
//   dx_ij = dy_ij - exp(y_ij) * sum_k dy_ik
// Shapes   x, y, dx, dy [N, D], rows contiguous. Any N, D >= 1.
// Types    x, y, dx, dy scalar_t; every sum acc_t.
// Builds   f64 f32 bf16
// Launch   block (32, 4): one warp per row; grid ceil(N / 4); no shared memory.
//          packed is 1 where rows are whole 16-byte packs at addresses that are multiples of 16, else 0.
// Cost     log_softmax_forward: 2*N*D*sizeof(scalar_t) bytes, 5*N*D FLOPs
//          log_softmax_backward: 3*N*D*sizeof(scalar_t) bytes, 4*N*D FLOPs
// Saves    y; x is not needed again.
#include "common/softmax.cuh"

extern "C" __global__ void __launch_bounds__(128, 8) log_softmax_forward(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N, index_t D, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const acc_t largest = row_max(x + i * D, D, packed);
    const acc_t log_sum = log(row_sum_exp(x + i * D, largest, D, packed));

    // One after the other: the sum of both could be as large as the logits and would cost their digits.
    map_row(y + i * D, x + i * D, D, packed, [&](index_t, acc_t v) { return (v - largest) - log_sum; });
}

extern "C" __global__ void __launch_bounds__(128, 8) log_softmax_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y, index_t N, index_t D,
    int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    acc_t sum = 0;
    read_row(dy + i * D, D, packed, [&](index_t, acc_t u) { sum += u; });
    sum = warp_sum(sum);
    map_rows(dx + i * D, dy + i * D, y + i * D, D, packed, [&](acc_t u, acc_t v) { return u - exp(v) * sum; });
}
