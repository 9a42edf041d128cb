// broadcast.cuh: y = f(a, b) where a and b may be stretched. The innermost axis, a row of R elements, is walked in packs
// of N; along it each operand either moves or stands still, and outer axes say where each row's operands begin.
//   N = kPackWidth   y and what moves start at multiples of 16 bytes; R is a multiple of N, or there is one row only
//   N = 1            no condition
// f takes and returns acc_t. The grid covers rows * ceil(R / N) threads, N_y elements in all.
#pragma once
#include "common/axes.cuh"

template <int N, class F>
__device__ __forceinline__ void broadcast(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, const Axes& outer,
    bool a_moves, bool b_moves, index_t R, index_t count, F f)
{
    typedef Pack<scalar_t, N> pack;
    const index_t packs = (R + N - 1) / N;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t row = outer.rank > 0 ? thread / packs : 0;
    const index_t column = (thread - row * packs) * N;
    if (column >= R || row * R + column >= count) return;
    const Offsets start = offsets(outer, row);
    y += row * R + column;
    a += start.a + (a_moves ? column : 0);
    b += start.b + (b_moves ? column : 0);
    if (column + N <= R) {
        pack from_a, from_b, to;
        if (a_moves) from_a = *(const pack*)a;
        if (b_moves) from_b = *(const pack*)b;
        const acc_t one_a = load(a); // what moves starts here as well, so this reads within bounds either way
        const acc_t one_b = load(b);
#pragma unroll
        for (int k = 0; k < N; k++) {
            store(&to.v[k], f(a_moves ? load(&from_a.v[k]) : one_a, b_moves ? load(&from_b.v[k]) : one_b));
        }
        *(pack*)y = to;
    } else {
        for (index_t k = 0; k < R - column; k++) store(&y[k], f(load(&a[a_moves ? k : 0]), load(&b[b_moves ? k : 0])));
    }
}
