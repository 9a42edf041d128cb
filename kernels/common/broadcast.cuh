// broadcast.cuh: y = f(a, b) where a and b may be stretched. The innermost axis, a row of R elements, is walked in packs
// of N; along it each operand either moves or stands still, and outer axes say where each row's operands begin.
//   N = kPackWidth   y and what moves start at multiples of 16 bytes; R is a multiple of N, or there is one row only
//   N = 1            no condition
// f takes and returns acc_t. The grid covers rows * ceil(R / N) threads, N_y elements in all.
#pragma once
#include "common/axes.cuh"

template <int N>
__device__ __forceinline__ Pack<scalar_t, N> operand(const scalar_t* __restrict__ p, bool moves)
{
    Pack<scalar_t, N> pack;
    if (moves) {
        pack = *(const Pack<scalar_t, N>*)p;
    } else {
        const scalar_t one = *p;
#pragma unroll
        for (int k = 0; k < N; k++) pack.v[k] = one;
    }
    return pack;
}

template <int N, class F>
__device__ __forceinline__ void broadcast(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, const Axes& outer,
    bool a_moves, bool b_moves, index_t R, index_t count, F f)
{
    typedef Pack<scalar_t, N> pack;
    const index_t packs = (R + N - 1) / N;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t row = outer.rank > 0 ? thread / packs : 0; // one row needs no division
    const index_t column = (outer.rank > 0 ? thread % packs : thread) * N;
    if (column >= R || row * R + column >= count) return;
    const Offsets start = offsets(outer, row);
    y += row * R + column;
    a += start.a + (a_moves ? column : 0);
    b += start.b + (b_moves ? column : 0);
    if (column + N <= R) {
        const pack from_a = operand<N>(a, a_moves);
        const pack from_b = operand<N>(b, b_moves);
        pack to;
#pragma unroll
        for (int k = 0; k < N; k++) store(&to.v[k], f(load(&from_a.v[k]), load(&from_b.v[k])));
        store_pack(y, to);
    } else {
#pragma unroll 1
        for (index_t k = 0; k < R - column; k++) store(&y[k], f(load(&a[a_moves ? k : 0]), load(&b[b_moves ? k : 0])));
    }
}
