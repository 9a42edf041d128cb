// MatMul: the product of two matrices, or of batches of them; each operand may stand transposed in memory.
//   D = alpha * A' B' + beta * C + bias
// Shapes   A [M, K] or, transposed, [K, M]; B [K, N] or [N, K]; C, D [M, N]; bias [N], added to every row, or null.
//          Row-major; matrix i of a batch begins at i * stride (0 shares one matrix). C may be D. Any M, N >= 1, K >= 0.
// Types    A, B, C, D, bias scalar_t; alpha, beta and the sums acc_t.
// Builds   f64 f32 bf16
// Launch   block 64; grid batch * ceil(M / 64) * ceil(N / 64), columns fastest. A block owns a 64 x 64 tile of D, a thread
//          8 x 8 of it: two by two squares of 4 x 4, so that a warp reads neighbouring 16-byte words of shared memory.
//          packed_x = 1 where all rows of x (and of all its matrices) start at multiples of 16 bytes.
// Cost     matmul: batch*(M*K + K*N + M*N)*sizeof(scalar_t) bytes, 2*batch*M*N*K FLOPs
// Source   V. Volkov, J. Demmel, "Benchmarking GPUs to tune dense linear algebra", SC'08: tiles in registers.
#include "common/scalar.cuh"

namespace {

constexpr int kThreads = 64;
constexpr int kTile = 64;                      // rows and columns of D per block
constexpr int kDepth = 128 / sizeof(acc_t);    // terms of the sums per step
constexpr int kPitch = kTile + 16 / sizeof(acc_t); // keeps 16-byte alignment, spreads the transposing stores over banks
constexpr int kSquare = 4;
constexpr int kHalf = kTile / 2;

typedef acc_t Slab[kDepth][kPitch];

// Reads kDepth x 64 elements of an operand, kWidth at a time, with zeros outside: slab[k][i] belongs to row (column) first + i of
// D and to term start + k. kAlongDepth: terms are neighbours in memory; otherwise rows (columns) of D are.
template <bool kAlongDepth, int kWidth>
__device__ __forceinline__ void read_slab(
    Slab& slab, const scalar_t* x, index_t first, index_t count, index_t start, index_t K)
{
    constexpr int kPacks = (kAlongDepth ? kDepth : kTile) / kWidth; // of one contiguous run
    constexpr int kTotal = kDepth * kTile / kWidth;
#pragma unroll 2
    for (int p = threadIdx.x; p < kTotal; p += kThreads) {
        const int run = p / kPacks;
        const int along = p % kPacks * kWidth;
        const int i = kAlongDepth ? run : along;
        const int k = kAlongDepth ? along : run;
        acc_t v[kWidth];
#pragma unroll
        for (int w = 0; w < kWidth; w++) v[w] = 0;
        if (first + i < count && start + k < K) {
            const index_t offset = kAlongDepth ? (first + i) * K + start + k : (start + k) * count + first + i;
            const Pack<scalar_t, kWidth> pack = *(const Pack<scalar_t, kWidth>*)&x[offset];
#pragma unroll
            for (int w = 0; w < kWidth; w++) v[w] = load(&pack.v[w]);
        }
#pragma unroll
        for (int w = 0; w < kWidth; w++) slab[k + (kAlongDepth ? w : 0)][i + (kAlongDepth ? 0 : w)] = v[w];
    }
}

__device__ __forceinline__ void read_slab(
    Slab& slab, const scalar_t* x, index_t first, index_t count, index_t start, index_t K, bool along_depth, bool packed)
{
    if (along_depth) {
        if (packed) read_slab<true, kPackWidth>(slab, x, first, count, start, K);
        else read_slab<true, 1>(slab, x, first, count, start, K);
    } else {
        if (packed) read_slab<false, kPackWidth>(slab, x, first, count, start, K);
        else read_slab<false, 1>(slab, x, first, count, start, K);
    }
}

// Eight of a slab's 64 values: two groups of four.
__device__ __forceinline__ void read_eight(acc_t v[8], const acc_t* row, int group)
{
#pragma unroll
    for (int i = 0; i < kSquare; i++) {
        v[i] = row[group * kSquare + i];
        v[kSquare + i] = row[kHalf + group * kSquare + i];
    }
}

} // namespace

extern "C" __global__ void __launch_bounds__(64) matmul(
    scalar_t* d, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, const scalar_t* c,
    const scalar_t* __restrict__ bias, acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K,
    index_t stride_a, index_t stride_b, index_t stride_d, int transpose_a, int transpose_b,
    int packed_a, int packed_b, int packed_d)
{
    __shared__ __align__(16) Slab slabs_a[2];
    __shared__ __align__(16) Slab slabs_b[2];
    const index_t tiles_n = (N + kTile - 1) / kTile;
    const index_t tiles = (M + kTile - 1) / kTile * tiles_n;
    const index_t item = blockIdx.x / tiles;
    const index_t tile = blockIdx.x % tiles;
    const index_t first_m = tile / tiles_n * kTile;
    const index_t first_n = tile % tiles_n * kTile;
    a += item * stride_a;
    b += item * stride_b;

    const int group_m = threadIdx.x / 8;
    const int group_n = threadIdx.x % 8;
    const bool works = first_m + group_m * kSquare < M && first_n + group_n * kSquare < N;
    acc_t sum[8][8];
#pragma unroll
    for (int i = 0; i < 8; i++) {
#pragma unroll
        for (int j = 0; j < 8; j++) sum[i][j] = 0;
    }

    if (K > 0) {
        read_slab(slabs_a[0], a, first_m, M, 0, K, !transpose_a, packed_a);
        read_slab(slabs_b[0], b, first_n, N, 0, K, transpose_b, packed_b);
    }
    __syncthreads();
    int current = 0;
    for (index_t start = 0; start < K; start += kDepth) {
        if (start + kDepth < K) {
            read_slab(slabs_a[current ^ 1], a, first_m, M, start + kDepth, K, !transpose_a, packed_a);
            read_slab(slabs_b[current ^ 1], b, first_n, N, start + kDepth, K, transpose_b, packed_b);
        }
        if (works) {
#pragma unroll 2
            for (int k = 0; k < kDepth; k++) {
                acc_t va[8], vb[8];
                read_eight(va, slabs_a[current][k], group_m);
                read_eight(vb, slabs_b[current][k], group_n);
#pragma unroll
                for (int i = 0; i < 8; i++) {
#pragma unroll
                    for (int j = 0; j < 8; j++) sum[i][j] += va[i] * vb[j];
                }
            }
        }
        __syncthreads(); // the next slabs are complete, and these ones may be written again
        current ^= 1;
    }

    constexpr int kStore = kPackWidth < kSquare ? kPackWidth : kSquare;
    d += item * stride_d;
    c += item * stride_d; // a null pointer stays unused
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const index_t m = first_m + (i / kSquare) * kHalf + group_m * kSquare + i % kSquare;
#pragma unroll
        for (int j = 0; j < 8; j += kStore) {
            const index_t n = first_n + (j / kSquare) * kHalf + group_n * kSquare + j % kSquare;
            if (m >= M || n >= N) continue;
            if (packed_d) {
                Pack<scalar_t, kStore> result;
                Pack<scalar_t, kStore> old;
                if (beta != 0) old = *(const Pack<scalar_t, kStore>*)&c[m * N + n];
#pragma unroll
                for (int w = 0; w < kStore; w++) {
                    acc_t v = alpha * sum[i][j + w];
                    if (beta != 0) v += beta * load(&old.v[w]);
                    if (bias) v += load(&bias[n + w]);
                    store(&result.v[w], v);
                }
                store_pack(&d[m * N + n], result);
            } else {
#pragma unroll
                for (int w = 0; w < kStore; w++) {
                    if (n + w >= N) continue;
                    acc_t v = alpha * sum[i][j + w];
                    if (beta != 0) v += beta * load(&c[m * N + n + w]);
                    if (bias) v += load(&bias[n + w]);
                    store(&d[m * N + n + w], v);
                }
            }
        }
    }
}
