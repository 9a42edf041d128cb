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
// Source   common/tile.cuh.
#include "common/tile.cuh"

typedef Tile<8> Product;

extern "C" __global__ void __launch_bounds__(64) matmul(
    scalar_t* d, const scalar_t* __restrict__ a, const scalar_t* __restrict__ b, const scalar_t* c,
    const scalar_t* __restrict__ bias, acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K,
    index_t stride_a, index_t stride_b, index_t stride_d, int transpose_a, int transpose_b,
    int packed_a, int packed_b, int packed_d)
{
    __shared__ __align__(16) Product::Row slabs_a[2][Product::kDepth];
    __shared__ __align__(16) Product::Row slabs_b[2][Product::kDepth];
    const index_t tiles_n = (N + Product::kSize - 1) / Product::kSize;
    const index_t tiles = (M + Product::kSize - 1) / Product::kSize * tiles_n;
    const index_t item = blockIdx.x / tiles;
    const index_t tile = blockIdx.x % tiles;
    const index_t first_m = tile / tiles_n * Product::kSize;
    const index_t first_n = tile % tiles_n * Product::kSize;
    const index_t pitch_a = transpose_a ? M : K;
    const index_t pitch_b = transpose_b ? K : N;
    a += item * stride_a;
    b += item * stride_b;

    const int group_m = threadIdx.x / 8;
    const int group_n = threadIdx.x % 8;
    const bool works = first_m + Product::at(group_m, 0) < M && first_n + Product::at(group_n, 0) < N;
    acc_t sum[8][8];
    Product::clear(sum);
    if (K > 0) {
        Product::read(slabs_a[0], a, pitch_a, first_m, M, 0, K, !transpose_a, packed_a);
        Product::read(slabs_b[0], b, pitch_b, first_n, N, 0, K, transpose_b, packed_b);
    }
    __syncthreads();
    int current = 0;
    for (index_t start = 0; start < K; start += Product::kDepth) {
        const index_t next = start + Product::kDepth;
        if (next < K) {
            Product::read(slabs_a[current ^ 1], a, pitch_a, first_m, M, next, K, !transpose_a, packed_a);
            Product::read(slabs_b[current ^ 1], b, pitch_b, first_n, N, next, K, transpose_b, packed_b);
        }
        if (works) Product::multiply(sum, slabs_a[current], slabs_b[current], group_m, group_n, Product::terms(start, K));
        __syncthreads(); // the next slabs are complete, and these ones may be written again
        current ^= 1;
    }

    constexpr int kStore = kPackWidth < Product::kHalf ? kPackWidth : Product::kHalf;
    d += item * stride_d;
    if (beta != 0) c += item * stride_d;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const index_t m = first_m + Product::at(group_m, i);
#pragma unroll
        for (int j = 0; j < 8; j += kStore) {
            const index_t n = first_n + Product::at(group_n, j);
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
