// Linear: what a linear layer's backward pass needs besides its products: the slope of a GELU and the bias's gradient.
//   dz_ij   = dy_ij * (Phi(z_ij) + z_ij * phi(z_ij))    with the normal distribution Phi and its density phi
//   dbias_j = sum_i dz_ij, or sum_i dy_ij where there is no GELU
// The bias itself, and a residual, are added by the product's epilogue, so nothing of them is left for a forward kernel.
// Shapes   dz, dy, z [N, D], row-major; partials [blocks of kRows rows, D]; dbias [D]. Any N, D >= 1.
// Types    dz, dy, z, dbias scalar_t; partials and every sum acc_t.
// Builds   f64 f32 bf16
// Launch   linear_gelu_backward, linear_column_sums: block (32, 8), a thread has one pack of columns (packed) or one column;
//          grid ceil(D / columns of a block) * ceil(N / kRows), columns fastest. The packed siblings need rows that start
//          at multiples of 16 bytes. partials may be null where only dz is wanted.
//          linear_bias_reduce: block (32, 8), grid ceil(D / 32): the second stage, in fixed order.
// Cost     linear_gelu_backward: 3*N*D*sizeof(scalar_t) bytes, 20*N*D FLOPs
//          linear_gelu_backward_packed: 3*N*D*sizeof(scalar_t) bytes, 20*N*D FLOPs
//          linear_column_sums: N*D*sizeof(scalar_t) bytes, N*D FLOPs
//          linear_column_sums_packed: N*D*sizeof(scalar_t) bytes, N*D FLOPs
//          linear_bias_reduce: blocks*D*sizeof(acc_t) + D*sizeof(scalar_t) bytes, blocks*D FLOPs
// Saves    z, what went into the GELU.
// Source   D. Hendrycks, K. Gimpel, arXiv:1606.08415; common/normal.cuh.
#include "common/normal.cuh"
#include "common/scalar.cuh"

namespace {

constexpr int kRowsOfThreads = 8;
constexpr int kRows = 128; // of one partial sum; part of the result's bits. CudaBackend.Linear.cs has the same number.

template <bool kGelu, int kWidth>
__device__ __forceinline__ void column_pass(
    scalar_t* dz, acc_t* partials, const scalar_t* dy, const scalar_t* z, index_t N, index_t D)
{
    typedef Pack<scalar_t, kWidth> Columns;
    constexpr int kColumns = kWarpSize * kWidth; // of the block
    __shared__ acc_t sums[kRowsOfThreads][kColumns];
    const index_t strips = (D + kColumns - 1) / kColumns;
    const index_t first_column = blockIdx.x % strips * kColumns;
    const index_t block = blockIdx.x / strips;
    const index_t column = first_column + threadIdx.x * kWidth;
    const index_t end = block * kRows + kRows < N ? block * kRows + kRows : N;

    acc_t sum[kWidth];
#pragma unroll
    for (int w = 0; w < kWidth; w++) sum[w] = 0;
    if (column < D) {
#pragma unroll(kGelu ? 1 : 4)
        for (index_t i = block * kRows + threadIdx.y; i < end; i += kRowsOfThreads) {
            const Columns gradient = *(const Columns*)&dy[i * D + column];
            acc_t v[kWidth];
#pragma unroll
            for (int w = 0; w < kWidth; w++) v[w] = load(&gradient.v[w]);
            if (kGelu) {
                const Columns input = *(const Columns*)&z[i * D + column];
                Columns result;
#pragma unroll
                for (int w = 0; w < kWidth; w++) {
                    v[w] *= gelu_slope(load(&input.v[w]));
                    store(&result.v[w], v[w]);
                }
                store_pack(&dz[i * D + column], result);
            }
#pragma unroll
            for (int w = 0; w < kWidth; w++) sum[w] += v[w];
        }
    }

    if (!partials) return; // the same for all threads
#pragma unroll
    for (int w = 0; w < kWidth; w++) sums[threadIdx.y][threadIdx.x * kWidth + w] = sum[w];
    __syncthreads();
    const int thread = threadIdx.y * kWarpSize + threadIdx.x;
    if (thread < kColumns && first_column + thread < D) {
        acc_t total = 0;
#pragma unroll
        for (int y = 0; y < kRowsOfThreads; y++) total += sums[y][thread];
        partials[block * D + first_column + thread] = total;
    }
}

} // namespace

extern "C" __global__ void __launch_bounds__(256) linear_gelu_backward(
    scalar_t* __restrict__ dz, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ z, index_t N, index_t D)
{
    column_pass<true, 1>(dz, partials, dy, z, N, D);
}

extern "C" __global__ void __launch_bounds__(256, 2) linear_gelu_backward_packed(
    scalar_t* __restrict__ dz, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ z, index_t N, index_t D)
{
    column_pass<true, kPackWidth>(dz, partials, dy, z, N, D);
}

extern "C" __global__ void __launch_bounds__(256) linear_column_sums(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ dy, index_t N, index_t D)
{
    column_pass<false, 1>(nullptr, partials, dy, nullptr, N, D);
}

extern "C" __global__ void __launch_bounds__(256) linear_column_sums_packed(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ dy, index_t N, index_t D)
{
    column_pass<false, kPackWidth>(nullptr, partials, dy, nullptr, N, D);
}

extern "C" __global__ void __launch_bounds__(256) linear_bias_reduce(
    scalar_t* __restrict__ dbias, const acc_t* __restrict__ partials, index_t blocks, index_t D)
{
    __shared__ acc_t sums[kRowsOfThreads][kWarpSize];
    const index_t column = (index_t)blockIdx.x * kWarpSize + threadIdx.x;
    acc_t sum = 0;
    if (column < D) {
#pragma unroll 4
        for (index_t block = threadIdx.y; block < blocks; block += kRowsOfThreads) sum += partials[block * D + column];
    }

    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && column < D) {
        acc_t total = 0;
#pragma unroll
        for (int y = 0; y < kRowsOfThreads; y++) total += sums[y][threadIdx.x];
        store(&dbias[column], total);
    }
}
