// tile.cuh: products of matrices in tiles, for blocks of 64 threads. A block owns a square tile of the result, a thread a
// square fragment of it, as sums in registers; the operands pass through shared memory in slabs of a few terms.
//   Source  V. Volkov, J. Demmel, "Benchmarking GPUs to tune dense linear algebra", SC'08.
#pragma once
#include "common/scalar.cuh"

constexpr int kTileThreads = 64;

// Sizes for fragments of kFragment x kFragment sums. A fragment is two by two squares from the four quarters of the tile, so
// that neighbouring threads read neighbouring 16-byte words of a slab.
template <int kFragment>
struct Tile {
    static constexpr int kSize = 8 * kFragment;           // rows and columns of the block's tile
    static constexpr int kHalf = kFragment / 2;
    static constexpr int kDepth = 128 / sizeof(acc_t);    // terms of a slab
    static constexpr int kPitch = kSize + 16 / sizeof(acc_t); // keeps 16-byte alignment, spreads transposing stores over banks
    typedef acc_t Row[kPitch];                            // slab[k][i]: term k of the tile's row (column) i

    // Where element i of the fragment of thread group (of 8) stands in the tile.
    __device__ __forceinline__ static int at(int group, int i)
    {
        return i / kHalf * (kSize / 2) + group * kHalf + i % kHalf;
    }

    // Reads terms [start, start + kDepth) of the rows [first, first + kSize) of an operand, with zeros from term K and row
    // count on. along_depth: x[row * pitch + term]; otherwise x[term * pitch + row]. packed: the start of every run of
    // neighbours is a multiple of 16 bytes, and so is its length.
    __device__ __forceinline__ static void read(
        Row* slab, const scalar_t* x, index_t pitch, index_t first, index_t count, index_t start, index_t K,
        bool along_depth, bool packed)
    {
        if (along_depth) {
            if (packed) read<true, kPackWidth>(slab, x, pitch, first, count, start, K);
            else read<true, 1>(slab, x, pitch, first, count, start, K);
        } else {
            if (packed) read<false, kPackWidth>(slab, x, pitch, first, count, start, K);
            else read<false, 1>(slab, x, pitch, first, count, start, K);
        }
    }

    template <bool kAlongDepth, int kWidth>
    __device__ __forceinline__ static void read(
        Row* slab, const scalar_t* x, index_t pitch, index_t first, index_t count, index_t start, index_t K)
    {
        constexpr int kPacks = (kAlongDepth ? kDepth : kSize) / kWidth; // of one run
        constexpr int kTotal = kDepth * kSize / kWidth;
#pragma unroll 2
        for (int p = threadIdx.x; p < kTotal; p += kTileThreads) {
            const int run = p / kPacks;
            const int along = p % kPacks * kWidth;
            const int i = kAlongDepth ? run : along;
            const int k = kAlongDepth ? along : run;
            acc_t v[kWidth];
#pragma unroll
            for (int w = 0; w < kWidth; w++) v[w] = 0;
            if (first + i < count && start + k < K) {
                const index_t offset = kAlongDepth ? (first + i) * pitch + start + k : (start + k) * pitch + first + i;
                const Pack<scalar_t, kWidth> pack = *(const Pack<scalar_t, kWidth>*)&x[offset];
#pragma unroll
                for (int w = 0; w < kWidth; w++) v[w] = load(&pack.v[w]);
            }
#pragma unroll
            for (int w = 0; w < kWidth; w++) slab[k + (kAlongDepth ? w : 0)][i + (kAlongDepth ? 0 : w)] = v[w];
        }
    }

    // sum[i][j] += sum_k a[k][row i] * b[k][column j] over the first terms of two slabs.
    __device__ __forceinline__ static void multiply(
        acc_t (&sum)[kFragment][kFragment], const Row* a, const Row* b, int group_m, int group_n, int terms)
    {
#pragma unroll 2
        for (int k = 0; k < terms; k++) {
#pragma unroll
            for (int i = 0; i < kFragment; i++) {
                const acc_t va = a[k][at(group_m, i)];
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    const acc_t* vb = &b[k][half * (kSize / 2) + group_n * kHalf];
#pragma unroll
                    for (int j = 0; j < kHalf; j++) sum[i][half * kHalf + j] += va * vb[j];
                }
            }
        }
    }

    __device__ __forceinline__ static void clear(acc_t (&sum)[kFragment][kFragment])
    {
#pragma unroll
        for (int i = 0; i < kFragment; i++) {
#pragma unroll
            for (int j = 0; j < kFragment; j++) sum[i][j] = 0;
        }
    }

    // Terms of a slab that begins at start.
    __device__ __forceinline__ static int terms(index_t start, index_t K)
    {
        return K - start < kDepth ? (int)(K - start) : kDepth;
    }
};
