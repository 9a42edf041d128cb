// rows.cuh: how a warp walks through a row: in 16-byte packs where the launcher says that rows are made of them, else
// element by element. packed is 1 or 0 for the whole launch.
#pragma once
#include "common/scalar.cuh"

// Calls f(j, a[j]) for this lane's elements of a row of length D.
template <class F>
__device__ __forceinline__ void read_row(const scalar_t* __restrict__ a, index_t D, int packed, F f)
{
    if (packed) {
#pragma unroll 2
        for (index_t at = threadIdx.x; at < D / kPackWidth; at += kWarpSize) {
            const pack_t left = reinterpret_cast<const pack_t*>(a)[at];
#pragma unroll
            for (int e = 0; e < kPackWidth; e++) f(at * kPackWidth + e, load(&left.v[e]));
        }
    } else {
#pragma unroll 4
        for (index_t j = threadIdx.x; j < D; j += kWarpSize) f(j, load(&a[j]));
    }
}

// Calls f(a[j], b[j]).
template <class F>
__device__ __forceinline__ void read_rows(
    const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, index_t D, int packed, F f)
{
    if (packed) {
#pragma unroll 2
        for (index_t at = threadIdx.x; at < D / kPackWidth; at += kWarpSize) {
            const pack_t left = reinterpret_cast<const pack_t*>(a)[at];
            const pack_t right = reinterpret_cast<const pack_t*>(b)[at];
#pragma unroll
            for (int e = 0; e < kPackWidth; e++) f(load(&left.v[e]), load(&right.v[e]));
        }
    } else {
#pragma unroll 4
        for (index_t j = threadIdx.x; j < D; j += kWarpSize) f(load(&a[j]), load(&b[j]));
    }
}

// target[j] = f(j, a[j]).
template <class F>
__device__ __forceinline__ void map_row(
    scalar_t* __restrict__ target, const scalar_t* __restrict__ a, index_t D, int packed, F f)
{
    if (packed) {
#pragma unroll 2
        for (index_t at = threadIdx.x; at < D / kPackWidth; at += kWarpSize) {
            const pack_t left = reinterpret_cast<const pack_t*>(a)[at];
            pack_t result;
#pragma unroll
            for (int e = 0; e < kPackWidth; e++) store(&result.v[e], f(at * kPackWidth + e, load(&left.v[e])));
            store_pack(target + at * kPackWidth, result);
        }
    } else {
#pragma unroll 4
        for (index_t j = threadIdx.x; j < D; j += kWarpSize) store(&target[j], f(j, load(&a[j])));
    }
}

// target[j] = f(a[j], b[j]).
template <class F>
__device__ __forceinline__ void map_rows(
    scalar_t* __restrict__ target, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, index_t D, int packed,
    F f)
{
    if (packed) {
#pragma unroll 2
        for (index_t at = threadIdx.x; at < D / kPackWidth; at += kWarpSize) {
            const pack_t left = reinterpret_cast<const pack_t*>(a)[at];
            const pack_t right = reinterpret_cast<const pack_t*>(b)[at];
            pack_t result;
#pragma unroll
            for (int e = 0; e < kPackWidth; e++) store(&result.v[e], f(load(&left.v[e]), load(&right.v[e])));
            store_pack(target + at * kPackWidth, result);
        }
    } else {
#pragma unroll 4
        for (index_t j = threadIdx.x; j < D; j += kWarpSize) store(&target[j], f(load(&a[j]), load(&b[j])));
    }
}
