// GatherRows: picks rows by index. Forward and backward.
//   y_m,d  = x_i(m),d; NaN where i(m) is no row of x
//   dx_n,d = sum of dy_m,d over all m with i(m) = n, added in the order of m
// Shapes   x, dx [N, D], i [M], y, dy [M, D]. Any N, M, D >= 1; backward also M = 0.
// Types    x, y, dx, dy scalar_t; the sum acc_t; i either index_t (indices) or int (indices_32), the other one null.
// Builds   f64 f32 bf16
// Launch   gather_rows_forward: block 256, grid ceil(M * ceil(D / W) / 256): W elements of 16 bytes to a thread if x and y are
//          aligned and D is whole packs; *_scalar: W = 1.
//          gather_rows_backward_link: block 256, grid ceil(N / 256): each block looks through all indices for those of its
//          256 rows, from the last to the first, and chains the places of each row: first_n, then next_m until -1.
//          gather_rows_backward: block 256, grid ceil(N * ceil(D / W) / 256): follows the chains, so a sum's order is that
//          of m and no two threads share one. *_scalar as above.
// Cost     gather_rows_forward: 2*M*D*sizeof(scalar_t) + M*sizeof(int) bytes, 0 FLOPs
//          gather_rows_forward_scalar: 2*M*D*sizeof(scalar_t) + M*sizeof(int) bytes, 0 FLOPs
//          gather_rows_backward_link: M*sizeof(int) + (N + M)*sizeof(index_t) bytes, 0 FLOPs
//          gather_rows_backward: (M + N)*D*sizeof(scalar_t) + (M + N)*sizeof(index_t) bytes, M*D FLOPs
//          gather_rows_backward_scalar: (M + N)*D*sizeof(scalar_t) + (M + N)*sizeof(index_t) bytes, M*D FLOPs
// Saves    i.
#include "common/scalar.cuh"

constexpr int kBlock = 256;

__device__ __forceinline__ index_t row_of(
    const index_t* __restrict__ indices, const int* __restrict__ indices_32, index_t m)
{
    return indices != nullptr ? indices[m] : indices_32[m];
}

template <int W>
__device__ __forceinline__ void gather(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x,
    const index_t* __restrict__ indices, const int* __restrict__ indices_32, index_t N, index_t M, index_t D)
{
    const index_t units = D / W;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t m = thread / units;
    const index_t column = thread % units * W;
    if (m >= M) return;
    const index_t n = row_of(indices, indices_32, m);
    Pack<scalar_t, W> pack;
    if (n >= 0 && n < N) {
        pack = *(const Pack<scalar_t, W>*)(x + n * D + column);
    } else {
#pragma unroll
        for (int k = 0; k < W; k++) store(&pack.v[k], acc_nan());
    }
    store_pack(y + m * D + column, pack);
}

template <int W>
__device__ __forceinline__ void gather_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy,
    const index_t* __restrict__ first, const index_t* __restrict__ next, index_t N, index_t D)
{
    const index_t units = D / W;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t n = thread / units;
    const index_t column = thread % units * W;
    if (n >= N) return;
    acc_t sum[W] = {};
    for (index_t m = first[n]; m >= 0;) {
        const index_t following = next[m]; // on its way while the row is added
        const Pack<scalar_t, W> pack = *(const Pack<scalar_t, W>*)(dy + m * D + column);
#pragma unroll
        for (int k = 0; k < W; k++) sum[k] += load(&pack.v[k]);
        m = following;
    }
    Pack<scalar_t, W> pack;
#pragma unroll
    for (int k = 0; k < W; k++) store(&pack.v[k], sum[k]);
    store_pack(dx + n * D + column, pack);
}

extern "C" __global__ void __launch_bounds__(kBlock) gather_rows_forward(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x,
    const index_t* __restrict__ indices, const int* __restrict__ indices_32, index_t N, index_t M, index_t D)
{
    gather<kPackWidth>(y, x, indices, indices_32, N, M, D);
}

extern "C" __global__ void __launch_bounds__(kBlock) gather_rows_forward_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x,
    const index_t* __restrict__ indices, const int* __restrict__ indices_32, index_t N, index_t M, index_t D)
{
    gather<1>(y, x, indices, indices_32, N, M, D);
}

extern "C" __global__ void __launch_bounds__(kBlock) gather_rows_backward_link(
    index_t* __restrict__ first, index_t* __restrict__ next,
    const index_t* __restrict__ indices, const int* __restrict__ indices_32, index_t N, index_t M)
{
    __shared__ index_t head[kBlock]; // for each of the block's rows, the earliest place seen so far
    __shared__ int rows[kBlock];     // of the indices at hand; -1 for rows of other blocks
    const int thread = threadIdx.x;
    const index_t first_row = (index_t)blockIdx.x * kBlock;
    head[thread] = -1;
    for (index_t start = (M - 1) / kBlock * kBlock; M > 0 && start >= 0; start -= kBlock) {
        const index_t m = start + thread;
        const index_t row = m < M ? row_of(indices, indices_32, m) - first_row : -1;
        const bool is_mine = row >= 0 && row < kBlock && first_row + row < N;
        rows[thread] = is_mine ? (int)row : -1;
        __syncthreads();
        bool is_earliest = is_mine;
        if (is_mine) {
            int later = thread + 1;
            while (later < kBlock && rows[later] != row) later++;
            next[m] = later < kBlock ? start + later : head[row];
            for (int earlier = 0; earlier < thread && is_earliest; earlier++) is_earliest = rows[earlier] != row;
        }
        __syncthreads();
        if (is_earliest) head[row] = m; // read again after the next round's first barrier
    }
    __syncthreads();
    if (first_row + thread < N) first[first_row + thread] = head[thread];
}

extern "C" __global__ void __launch_bounds__(kBlock) gather_rows_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy,
    const index_t* __restrict__ first, const index_t* __restrict__ next, index_t N, index_t M, index_t D)
{
    gather_backward<kPackWidth>(dx, dy, first, next, N, D);
}

extern "C" __global__ void __launch_bounds__(kBlock) gather_rows_backward_scalar(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy,
    const index_t* __restrict__ first, const index_t* __restrict__ next, index_t N, index_t M, index_t D)
{
    gather_backward<1>(dx, dy, first, next, N, D);
}
