// IndexOfNonFinite: where the first NaN or infinity of an array stands.
//   first = min {i : x_i is NaN or infinite}, or N if there is none
// Shapes   x of N elements, N >= 1; first of one element for each block.
// Types    x scalar_t; first index_t.
// Builds   f64 f32 bf16
// Launch   block 256. index_of_non_finite: any grid; threads go on by a grid's width, 16 bytes at a time, and each block
//          leaves one minimum. *_scalar: x starts anywhere. index_of_non_finite_reduce: grid 1; the smallest of M minima.
// Cost     index_of_non_finite: N*sizeof(scalar_t) bytes, N FLOPs
//          index_of_non_finite_scalar: N*sizeof(scalar_t) bytes, N FLOPs
//          index_of_non_finite_reduce: (M + 1)*sizeof(index_t) bytes, 0 FLOPs
#include "common/scalar.cuh"

// The smallest value of the block, in thread 0.
__device__ index_t block_smallest(index_t v)
{
    __shared__ index_t smallest[256];
    smallest[threadIdx.x] = v;
    for (int half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            const index_t other = smallest[threadIdx.x + half];
            if (other < smallest[threadIdx.x]) smallest[threadIdx.x] = other;
        }
    }
    return smallest[threadIdx.x];
}

// W elements a time, as the address allows; what is left after the last whole pack falls to thread 0.
template <int W>
__device__ __forceinline__ index_t first_non_finite(const scalar_t* __restrict__ x, index_t N)
{
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t step = (index_t)gridDim.x * blockDim.x * W;
    for (index_t i = thread * W; i + W <= N; i += step) {
        const Pack<scalar_t, W> pack = *(const Pack<scalar_t, W>*)(x + i);
        int bad = W;
#pragma unroll
        for (int k = W - 1; k >= 0; k--) {
            const acc_t v = load(&pack.v[k]);
            if (v - v != 0) bad = k; // infinity minus infinity is NaN
        }
        if (bad < W) return i + bad; // later ones of this thread stand further back
    }
    for (index_t i = N - N % W; thread == 0 && i < N; i++) {
        const acc_t v = load(&x[i]);
        if (v - v != 0) return i;
    }
    return N;
}

extern "C" __global__ void __launch_bounds__(256) index_of_non_finite(
    index_t* __restrict__ first, const scalar_t* __restrict__ x, index_t N)
{
    const index_t found = block_smallest(first_non_finite<kPackWidth>(x, N));
    if (threadIdx.x == 0) first[blockIdx.x] = found;
}

extern "C" __global__ void __launch_bounds__(256) index_of_non_finite_scalar(
    index_t* __restrict__ first, const scalar_t* __restrict__ x, index_t N)
{
    const index_t found = block_smallest(first_non_finite<1>(x, N));
    if (threadIdx.x == 0) first[blockIdx.x] = found;
}

extern "C" __global__ void __launch_bounds__(256) index_of_non_finite_reduce(
    index_t* __restrict__ first, const index_t* __restrict__ of_blocks, index_t N, int M)
{
    index_t found = N;
    for (int i = threadIdx.x; i < M; i += blockDim.x) found = of_blocks[i] < found ? of_blocks[i] : found;
    found = block_smallest(found);
    if (threadIdx.x == 0) first[0] = found;
}
