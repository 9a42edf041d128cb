// SumTo: sums over some axes, the adjoint of BroadcastTo. One pass sums one run of neighbouring axes; a long sum is cut
// into P pieces of L, whose sums a further launch adds: the order depends on the shapes alone.
//   s_opi = sum_r x_ori over the r of piece p;    y_oi = factor * s_o0i in the last launch, where P = 1
// Shapes   x [O, R, I]; sums [O, P, I] with P = ceil(R / L), or y [O, I]. Any O, R, I >= 1.
// Types    x, y scalar_t; sums (of one launch, x of the next) and factor acc_t. Either y or sums is null.
// Builds   f64 f32 bf16
// Launch   sum_rows (I = 1): block (32, 8), one warp for a row, or (256, 1), one block for a piece; grid ceil(O / 8), or
//          O * P. W elements to an access if every row starts at a multiple of 16 bytes; *_scalar: W = 1.
//          sum_columns: block (C, 256 / C): C units of W columns, all groups of rows of the block in turns; grid
//          ceil(O * I / W / C) * P. W = 1 in *_scalar and *_further, which adds sums.
// Cost     sum_rows: O*R*sizeof(scalar_t) + O*(R + L - 1)/L*sizeof(acc_t) bytes, O*R FLOPs
//          sum_rows_scalar: O*R*sizeof(scalar_t) + O*(R + L - 1)/L*sizeof(acc_t) bytes, O*R FLOPs
//          sum_columns: O*R*I*sizeof(scalar_t) + O*I*(R + L - 1)/L*sizeof(acc_t) bytes, O*R*I FLOPs
//          sum_columns_scalar: O*R*I*sizeof(scalar_t) + O*I*(R + L - 1)/L*sizeof(acc_t) bytes, O*R*I FLOPs
//          sum_columns_further: O*R*I*sizeof(acc_t) + O*I*(R + L - 1)/L*sizeof(acc_t) bytes, O*R*I FLOPs
#include "common/scalar.cuh"
#include "common/reduce.cuh"

constexpr int kBlock = 256;

// The result of one sum goes to y, rounded, or to the sums that a further launch adds.
__device__ __forceinline__ void finish(scalar_t* y, acc_t* sums, index_t i, acc_t sum, acc_t factor)
{
    if (y != nullptr) {
        store(&y[i], sum * factor);
    } else {
        sums[i] = sum;
    }
}

template <int W>
__device__ __forceinline__ void rows(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const scalar_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t L)
{
    const index_t pieces = (R + L - 1) / L;
    const index_t item = (index_t)blockIdx.x * blockDim.y + threadIdx.y; // a row, or a piece of one
    if (item >= O * pieces) return; // a whole warp, and no barrier follows: with several rows a block is made of warps
    const index_t row = item / pieces;
    const index_t first = (item - row * pieces) * L;
    const index_t length = R - first < L ? R - first : L;
    x += row * R + first;

    acc_t sum = 0;
    for (index_t j = (index_t)threadIdx.x * W; j < length; j += (index_t)blockDim.x * W) {
        if (j + W <= length) {
            const Pack<scalar_t, W> pack = *(const Pack<scalar_t, W>*)(x + j);
#pragma unroll
            for (int k = 0; k < W; k++) sum += load(&pack.v[k]);
        } else {
#pragma unroll 1
            for (index_t k = j; k < length; k++) sum += load(&x[k]);
        }
    }
    sum = blockDim.x == kWarpSize ? warp_sum(sum) : block_sum(sum);
    if (threadIdx.x == 0) finish(y, sums, item, sum, factor);
}

template <int W, class T>
__device__ __forceinline__ void columns(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const T* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t I, index_t L)
{
    __shared__ acc_t shared[W][kBlock];
    const int thread = threadIdx.y * blockDim.x + threadIdx.x;
    const index_t pieces = (R + L - 1) / L;
    const index_t strip = blockIdx.x / pieces;
    const index_t piece = blockIdx.x % pieces;
    const index_t units = I / W; // of one outer index
    const index_t unit = strip * blockDim.x + threadIdx.x;
    const index_t outer = unit / units;
    const index_t column = unit % units * W;
    const bool is_inside = outer < O; // threads beyond the last column still meet at the barriers

    acc_t sum[W] = {};
    if (is_inside) {
        const index_t end = (piece + 1) * L < R ? (piece + 1) * L : R;
        const T* from = x + outer * R * I + column;
        for (index_t r = piece * L + threadIdx.y; r < end; r += blockDim.y) {
            const Pack<T, W> pack = *(const Pack<T, W>*)(from + r * I);
#pragma unroll
            for (int k = 0; k < W; k++) sum[k] += load(&pack.v[k]);
        }
    }
#pragma unroll
    for (int k = 0; k < W; k++) shared[k][thread] = sum[k];

    // Groups of rows, halved until one is left; blockDim.y is a power of two.
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
#pragma unroll
            for (int k = 0; k < W; k++) shared[k][thread] += shared[k][thread + half * blockDim.x];
        }
    }
    if (is_inside && threadIdx.y == 0) {
        const index_t at = (outer * pieces + piece) * I + column;
#pragma unroll
        for (int k = 0; k < W; k++) finish(y, sums, at + k, shared[k][thread], factor);
    }
}

extern "C" __global__ void __launch_bounds__(kBlock) sum_rows(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const scalar_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t L)
{
    rows<kPackWidth>(y, sums, x, factor, O, R, L);
}

extern "C" __global__ void __launch_bounds__(kBlock) sum_rows_scalar(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const scalar_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t L)
{
    rows<1>(y, sums, x, factor, O, R, L);
}

extern "C" __global__ void __launch_bounds__(kBlock) sum_columns(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const scalar_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t I, index_t L)
{
    columns<kPackWidth>(y, sums, x, factor, O, R, I, L);
}

extern "C" __global__ void __launch_bounds__(kBlock) sum_columns_scalar(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const scalar_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t I, index_t L)
{
    columns<1>(y, sums, x, factor, O, R, I, L);
}

extern "C" __global__ void __launch_bounds__(kBlock) sum_columns_further(
    scalar_t* __restrict__ y, acc_t* __restrict__ sums, const acc_t* __restrict__ x, acc_t factor,
    index_t O, index_t R, index_t I, index_t L)
{
    columns<1>(y, sums, x, factor, O, R, I, L);
}
