// map.cuh: y_i = f(x_i) and y_i = f(a_i, b_i) over whole arrays, N neighbours a thread. The last thread may have fewer.
//   N = kPackWidth   every array starts at a multiple of 16 bytes
//   N = 1            no condition: views may start anywhere
// f takes and returns acc_t. The grid covers ceil(count / N) threads.
#pragma once
#include "common/scalar.cuh"

template <int N>
__device__ __forceinline__ index_t first_of_thread()
{
    return ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * N;
}

template <int N, class F>
__device__ __forceinline__ void map(scalar_t* __restrict__ y, const scalar_t* __restrict__ x, index_t count, F f)
{
    typedef Pack<scalar_t, N> pack;
    const index_t first = first_of_thread<N>();
    if (first + N <= count) {
        const pack from = *(const pack*)(x + first);
        pack to;
#pragma unroll
        for (int k = 0; k < N; k++) store(&to.v[k], f(load(&from.v[k])));
        store_pack(y + first, to);
    } else {
#pragma unroll 1
        for (index_t i = first; i < count; i++) store(&y[i], f(load(&x[i])));
    }
}

// y may be a or b: a thread reads its elements before it writes them, and no other thread touches them.
template <int N, class F>
__device__ __forceinline__ void map(scalar_t* y, const scalar_t* a, const scalar_t* b, index_t count, F f)
{
    typedef Pack<scalar_t, N> pack;
    const index_t first = first_of_thread<N>();
    if (first + N <= count) {
        const pack from_a = *(const pack*)(a + first);
        const pack from_b = *(const pack*)(b + first);
        pack to;
#pragma unroll
        for (int k = 0; k < N; k++) store(&to.v[k], f(load(&from_a.v[k]), load(&from_b.v[k])));
        store_pack(y + first, to);
    } else {
#pragma unroll 1
        for (index_t i = first; i < count; i++) store(&y[i], f(load(&a[i]), load(&b[i])));
    }
}
