// L2Normalize: scale every row to unit Euclidean length. Forward and backward.
//   n_i   = sqrt(sum_j x_ij^2)
//   y_ij  = x_ij / max(n_i, eps)
//   dx_ij = (dy_ij - y_ij * sum_k dy_ik * y_ik) / n_i    if n_i >  eps
//   dx_ij = dy_ij / eps                                  if n_i <= eps: the divisor is a constant there
// Shapes   x, y, dx, dy [N, D], row-major, rows contiguous; n [N]. Any N >= 0, D >= 1.
// Types    x, y, dx, dy scalar_t; n, eps and every sum acc_t.
// Builds   f64 f32 bf16
// Launch   block (32, 4): one warp per row; grid ceil(N / 4); no shared memory.
//          packed is 1 where rows are whole 16-byte packs at addresses that are multiples of 16, else 0.
// Cost     l2_normalize_forward: 2*N*D*sizeof(scalar_t) + N*sizeof(acc_t) bytes, 3*N*D FLOPs
//          l2_normalize_backward: 3*N*D*sizeof(scalar_t) + N*sizeof(acc_t) bytes, 5*N*D FLOPs
// Saves    y and n; x is not needed again.
// Source   MoCo v3, arXiv:2104.02057, section 3.
#include "common/scalar.cuh"
#include "common/reduce.cuh"
#include "common/rows.cuh"

extern "C" __global__ void __launch_bounds__(128, 8) l2_normalize_forward(
    scalar_t* __restrict__ y, acc_t* __restrict__ n,
    const scalar_t* __restrict__ x, acc_t eps, index_t N, index_t D, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp shares i, so no lane goes missing from the shuffles below
    acc_t sum = 0;
    read_row(x + i * D, D, packed, [&](index_t, acc_t v) { sum += v * v; });
    const acc_t norm = sqrt(warp_sum(sum));
    const acc_t scale = 1 / (norm > eps ? norm : eps);
    map_row(y + i * D, x + i * D, D, packed, [&](index_t, acc_t v) { return v * scale; });
    if (threadIdx.x == 0) n[i] = norm; // unclamped: backward tells its two branches apart by it
}

extern "C" __global__ void __launch_bounds__(128, 8) l2_normalize_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y,
    const acc_t* __restrict__ n, acc_t eps, index_t N, index_t D, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return;
    const acc_t norm = n[i];
    acc_t along = 0;
    read_rows(dy + i * D, y + i * D, D, packed, [&](acc_t u, acc_t v) { along += u * v; });
    along = norm > eps ? warp_sum(along) : acc_t(0); // norm is the warp's own, so all lanes take the same branch
    const acc_t scale = 1 / (norm > eps ? norm : eps);
    map_rows(dx + i * D, dy + i * D, y + i * D, D, packed, [&](acc_t u, acc_t v) { return (u - along * v) * scale; });
}
