// copy_axis.cuh: moves a range of one axis between arrays [B, axis, unit] that differ in the length of that axis alone,
// in packs of N elements.
//   N = kElementPack   both addresses and all three lengths (times the unit) are multiples of 16 bytes
//   N = 1              no condition
// Lengths count elements of one block: the range of the axis that moves, and the whole axis on either side, times the unit.
#pragma once
#include "common/move.cuh"

template <int N>
__device__ __forceinline__ void copy_axis(
    element_t* __restrict__ to, const element_t* __restrict__ from,
    index_t blocks, index_t length, index_t to_length, index_t from_length)
{
    const index_t packs = length / N;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t block = thread / packs;
    const index_t at = thread % packs * N;
    if (block < blocks) move<N>(to + block * to_length + at, from + block * from_length + at);
}
