// move.cuh: elements of any type as bits, for kernels that change places and no values.
#pragma once
#include "common/scalar.cuh"

constexpr int kElementPack = 16 / sizeof(element_t); // elements in 16 bytes: 2, 4, 8 or 16

// Moves N neighbours by one access. Both addresses are multiples of N elements.
template <int N>
__device__ __forceinline__ void move(element_t* to, const element_t* from)
{
    const Pack<element_t, N> pack = *(const Pack<element_t, N>*)from; // not inside the call: that would read each element
    store_pack(to, pack);
}
