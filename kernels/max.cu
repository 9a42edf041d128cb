// Max: the largest element over some axes, and where it stands. Forward and backward. As in SumTo, a pass reduces one run of
// neighbouring axes, in P pieces of L whose maxima a further launch compares.
//   y_opi = max_r x_ori over the r of piece p; at_opi = its place, in the first array of the chain
//   dx_j  = dy_i where j = at_i, else 0
// NaN counts as larger than every number; among equal ones the first in row-major order is taken.
// Shapes   x [O, R, I]; y, at [O, P, I] with P = ceil(R / L); from [O, R, I] or null: where x's elements came from. dy, at
//          N elements; all places differ. Any O, R, I, N >= 1.
// Types    x, y, dx, dy scalar_t; at, from index_t.
// Builds   f64 f32 bf16
// Launch   max_forward: block (C, 256 / C): C columns, all groups of rows of the block in turns; grid ceil(O * I / C) * P.
//          max_backward: block 256, grid ceil(N / 256); dx holds zeros already.
// Cost     max_forward: O*R*I*sizeof(scalar_t) + O*I*(R + L - 1)/L*(sizeof(scalar_t) + sizeof(index_t)) bytes, O*R*I FLOPs
//          max_backward: N*(2*sizeof(scalar_t) + sizeof(index_t)) bytes, 0 FLOPs
// Saves    at.
#include "common/scalar.cuh"

constexpr int kBlock = 256;

struct Best {
    acc_t value;
    index_t at; // in x; -1 if there is none yet
};

// Whether b is to be taken rather than a. A total order, so any way of combining gives the same.
__device__ __forceinline__ bool is_better(Best b, Best a)
{
    if (a.at < 0 || b.at < 0) return a.at < 0;
    const bool a_is_nan = a.value != a.value;
    const bool b_is_nan = b.value != b.value;
    if (a_is_nan != b_is_nan) return b_is_nan;
    if (!a_is_nan && a.value != b.value) return b.value > a.value;
    return b.at < a.at;
}

extern "C" __global__ void __launch_bounds__(kBlock) max_forward(
    scalar_t* __restrict__ y, index_t* __restrict__ at, const scalar_t* __restrict__ x, const index_t* __restrict__ from,
    index_t O, index_t R, index_t I, index_t L)
{
    __shared__ acc_t values[kBlock];
    __shared__ index_t places[kBlock];
    const int thread = threadIdx.y * blockDim.x + threadIdx.x;
    const index_t pieces = (R + L - 1) / L;
    const index_t strip = blockIdx.x / pieces;
    const index_t piece = blockIdx.x % pieces;
    const index_t column = strip * blockDim.x + threadIdx.x; // of all outer indices
    const index_t outer = column / I;
    const index_t inner = column % I;
    const bool is_inside = outer < O; // threads beyond the last column still meet at the barriers

    Best best = {acc_t(0), -1};
    if (is_inside) {
        const index_t end = (piece + 1) * L < R ? (piece + 1) * L : R;
        for (index_t r = piece * L + threadIdx.y; r < end; r += blockDim.y) {
            const index_t place = (outer * R + r) * I + inner;
            const Best next = {load(&x[place]), place};
            if (is_better(next, best)) best = next;
        }
    }
    values[thread] = best.value;
    places[thread] = best.at;

    // Groups of rows, halved until one is left; blockDim.y is a power of two.
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half) {
            const Best other = {values[thread + half * blockDim.x], places[thread + half * blockDim.x]};
            if (is_better(other, best)) best = other;
            values[thread] = best.value;
            places[thread] = best.at;
        }
    }
    if (is_inside && threadIdx.y == 0) {
        const index_t result = (outer * pieces + piece) * I + inner;
        y[result] = x[best.at];
        at[result] = from != nullptr ? from[best.at] : best.at;
    }
}

extern "C" __global__ void max_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const index_t* __restrict__ at, index_t N)
{
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < N) dx[at[i]] = dy[i];
}
