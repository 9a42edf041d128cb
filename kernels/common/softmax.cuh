// softmax.cuh: what softmax, its logarithm and cross entropy need of a row that one warp walks through.
#pragma once
#include "common/reduce.cuh"
#include "common/rows.cuh"

// The largest element. Every lane gets it.
__device__ __forceinline__ acc_t row_max(const scalar_t* __restrict__ x, index_t D, int packed)
{
    acc_t largest = -acc_infinity();
    read_row(x, D, packed, [&](index_t, acc_t v) { largest = larger(v, largest); });
    return warp_max(largest);
}

// sum_j exp(x_j - shift).
__device__ __forceinline__ acc_t row_sum_exp(const scalar_t* __restrict__ x, acc_t shift, index_t D, int packed)
{
    acc_t sum = 0;
    read_row(x, D, packed, [&](index_t, acc_t v) { sum += exp(v - shift); });
    return warp_sum(sum);
}
