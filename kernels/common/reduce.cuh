// reduce.cuh: sums and maxima over a warp or a block, in an order that depends on the launch alone.
#pragma once
#include "common/scalar.cuh"

// All 32 lanes call this together; every lane gets the result.
template <class T>
__device__ __forceinline__ T warp_sum(T v)
{
#pragma unroll
    for (int offset = kWarpSize / 2; offset > 0; offset >>= 1) v += __shfl_xor_sync(kFullWarp, v, offset);
    return v;
}

// NaN wins over every number, so that it is seen in the result.
template <class T>
__device__ __forceinline__ T larger(T a, T b)
{
    return (a > b || a != a) ? a : b;
}

// As warp_sum, for the maximum.
template <class T>
__device__ __forceinline__ T warp_max(T v)
{
#pragma unroll
    for (int offset = kWarpSize / 2; offset > 0; offset >>= 1) v = larger(v, __shfl_xor_sync(kFullWarp, v, offset));
    return v;
}

// Sum over a block of whole warps, numbered along x, then y. All threads call this together; every thread gets the
// result. Ends with a barrier, so it can be called again at once.
template <class T>
__device__ T block_sum(T v)
{
    __shared__ T partial[kWarpSize];
    const int thread = threadIdx.x + threadIdx.y * blockDim.x;
    const int warps = (blockDim.x * blockDim.y) / kWarpSize;
    v = warp_sum(v);
    if (thread % kWarpSize == 0) partial[thread / kWarpSize] = v;
    __syncthreads();
    T sum = 0;
    for (int i = 0; i < warps; i++) sum += partial[i]; // the same order in every thread
    __syncthreads();
    return sum;
}

// As block_sum, for the maximum.
template <class T>
__device__ T block_max(T v)
{
    __shared__ T partial[kWarpSize];
    const int thread = threadIdx.x + threadIdx.y * blockDim.x;
    const int warps = (blockDim.x * blockDim.y) / kWarpSize;
    v = warp_max(v);
    if (thread % kWarpSize == 0) partial[thread / kWarpSize] = v;
    __syncthreads();
    T largest = partial[0];
    for (int i = 1; i < warps; i++) largest = larger(largest, partial[i]);
    __syncthreads();
    return largest;
}

// Sum over the rows of a block (32, 8), apart for each of its 32 columns. All threads call this together; every thread
// gets the sum of its column. Ends with a barrier.
template <class T>
__device__ T column_sum(T v)
{
    __shared__ T tile[8][kWarpSize];
    tile[threadIdx.y][threadIdx.x] = v;
    __syncthreads();
    T sum = 0;
#pragma unroll
    for (int y = 0; y < 8; y++) sum += tile[y][threadIdx.x];
    __syncthreads();
    return sum;
}
