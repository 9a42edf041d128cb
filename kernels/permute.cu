// Permute: an array's elements under another order of its axes. The gradient is the inverse permutation.
//   y_i = x_j, where the indices of j are those of i in the other order
// Shapes   x, y of N elements each, walked over axes with strides of x (a) and of y (b). At most 8 axes after merging;
//          any N >= 1.
//          permute_rows: both are contiguous along rows of R. permute_tiles: axis U is contiguous in x, its stride in y is
//          u; axis V is contiguous in y, its stride in x is v.
// Types    any, as bits.
// Builds   bytes8 bytes4 bytes2 bytes1
// Launch   permute_rows: block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes, if both addresses
//          and R are whole packs; *_scalar: W = 1.
//          permute_tiles: block (32, 8), a tile of 32 x 32 by way of shared memory, so that reads and writes both run along
//          lines; grid batches * ceil(U / 32) * ceil(V / 32).
//          permute_any: block 256, grid ceil(N / 256): y in order, x wherever it is; for axes too short for tiles.
// Cost     permute_rows: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          permute_rows_scalar: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          permute_tiles: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          permute_any: 2*N*sizeof(element_t) bytes, 0 FLOPs
#include "common/axes.cuh"
#include "common/move.cuh"

constexpr int kTile = 32;
constexpr int kLinesAtOnce = 8;

template <int N>
__device__ __forceinline__ void rows(
    element_t* __restrict__ y, const element_t* __restrict__ x, const Axes& outer, index_t R, index_t count)
{
    const index_t packs = R / N;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t row = thread / packs;
    const index_t column = thread % packs * N;
    if (row * R >= count) return;
    const Offsets start = offsets(outer, row);
    move<N>(y + start.b + column, x + start.a + column);
}

extern "C" __global__ void permute_rows(
    element_t* __restrict__ y, const element_t* __restrict__ x, const __grid_constant__ Axes outer, index_t R, index_t N)
{
    rows<kElementPack>(y, x, outer, R, N);
}

extern "C" __global__ void permute_rows_scalar(
    element_t* __restrict__ y, const element_t* __restrict__ x, const __grid_constant__ Axes outer, index_t R, index_t N)
{
    rows<1>(y, x, outer, R, N);
}

extern "C" __global__ void __launch_bounds__(256) permute_tiles(
    element_t* __restrict__ y, const element_t* __restrict__ x, const __grid_constant__ Axes batch,
    index_t U, index_t V, index_t u, index_t v, index_t N)
{
    __shared__ element_t tile[kTile][kTile + 1]; // the odd pitch spreads a column over all banks
    const index_t tiles_u = (U + kTile - 1) / kTile;
    const index_t tiles_v = (V + kTile - 1) / kTile;
    const index_t first_u = blockIdx.x % tiles_u * kTile;
    const index_t first_v = blockIdx.x / tiles_u % tiles_v * kTile;
    const Offsets start = offsets(batch, blockIdx.x / tiles_u / tiles_v);
    const int across = threadIdx.x;
#pragma unroll
    for (int line = threadIdx.y; line < kTile; line += kLinesAtOnce) {
        const index_t at_u = first_u + across;
        const index_t at_v = first_v + line;
        if (at_u < U && at_v < V) tile[line][across] = x[start.a + at_u + at_v * v];
    }
    __syncthreads();
#pragma unroll
    for (int line = threadIdx.y; line < kTile; line += kLinesAtOnce) {
        const index_t at_u = first_u + line;
        const index_t at_v = first_v + across;
        if (at_u < U && at_v < V) y[start.b + at_u * u + at_v] = tile[across][line];
    }
}

extern "C" __global__ void permute_any(
    element_t* __restrict__ y, const element_t* __restrict__ x, const __grid_constant__ Axes axes, index_t N)
{
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < N) y[i] = x[offsets(axes, i).a];
}
