// Fill: sets every element to one value. Zeros need no kernel: the driver sets bytes.
//   x_i = value
// Shapes   x of N elements. Any N >= 1.
// Types    any, as bits; the host rounds the value to the element type.
// Builds   bytes8 bytes4 bytes2 bytes1
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     fill: N*sizeof(element_t) bytes, 0 FLOPs
//          fill_scalar: N*sizeof(element_t) bytes, 0 FLOPs
#include "common/move.cuh"

template <int N>
__device__ __forceinline__ void fill_with(element_t* x, element_t value, index_t count)
{
    const index_t first = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * N;
    if (first + N <= count) {
        Pack<element_t, N> values;
#pragma unroll
        for (int k = 0; k < N; k++) values.v[k] = value;
        store_pack(x + first, values);
    } else {
#pragma unroll 1
        for (index_t i = first; i < count; i++) x[i] = value;
    }
}

extern "C" __global__ void fill(element_t* __restrict__ x, u64 bits, index_t N)
{
    fill_with<kElementPack>(x, (element_t)bits, N);
}

extern "C" __global__ void fill_scalar(element_t* __restrict__ x, u64 bits, index_t N)
{
    fill_with<1>(x, (element_t)bits, N);
}
