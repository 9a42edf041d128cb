// InfoNce on tensor cores: siblings of info_nce_forward and info_nce_backward, with the same results in the same places.
//   s_ij = a_i * b_j * (q_i . k_j) / tau;  g_i = sum_j (exp(s_ij - L_i) - [j = p(i)]) * b_j * k_j: see info_nce.cu
// Products of BF16 are exact and their sums F32, so s is as good as there. The factors of k_j in g are rounded to BF16.
// Shapes   as in info_nce.cu; D a multiple of 16 up to 256, rows at addresses that are multiples of 16.
// Types    q, k bf16; everything else float.
// Builds   bf16
// Launch   block 128, grid ceil(N / 64) * K: each warp has 16 queries against one split, tile by tile of 64 keys; the next
//          tile arrives while one is used. Shared memory 3 * 64 * P * sizeof(bf16) + 2 * 64 * sizeof(float), where P is D
//          rounded up to a multiple of 64.
// Cost     info_nce_forward_mma: (N+M)*D*sizeof(scalar_t) + 2*N*K*sizeof(acc_t) bytes, 2*N*M*D + 5*N*M FLOPs
//          info_nce_backward_mma: (N+M)*D*sizeof(scalar_t) + K*N*D*sizeof(acc_t) bytes, 4*N*M*D + 5*N*M FLOPs
// Source   Fragments of m16n8k16: PTX ISA 8.4, section 9.7.13.4.8. Probabilities become operands where they stand:
//          Dao et al., arXiv:2205.14135.
#include "common/scalar.cuh"
#include "common/reduce.cuh"

constexpr int kSide = 64; // queries and keys of a tile
constexpr int kThreads = 128;
constexpr int kChunk = 8;           // elements of 16 bytes
constexpr int kKeyTiles = kSide / 8; // of 8 keys, the columns of one product
constexpr int kMaxSteps = 16;       // of 16 columns of q, k or g

typedef Pack<bf16, kChunk> chunk_t;

// Tiles in shared memory. Chunk c of row r stands at place c ^ (r & 7), so that the eight rows that ldmatrix reads at once
// lie in different banks.
struct Tiles {
    bf16* q;
    bf16* k;          // [2]
    float* k_inverse; // [2][64]
    int pitch;        // elements of a row, a multiple of 64

    __device__ __forceinline__ Tiles(bf16* memory, index_t D)
    {
        pitch = (int)((D + 63) / 64 * 64);
        q = memory;
        k = q + kSide * pitch;
        k_inverse = reinterpret_cast<float*>(k + 2 * kSide * pitch);
    }

    __device__ __forceinline__ bf16* at(bf16* tile, int row, int chunk) const
    {
        return tile + row * pitch + (chunk ^ (row & 7)) * kChunk;
    }

    __device__ __forceinline__ bf16* keys(int stage) const { return k + stage * kSide * pitch; }

    // Begins to copy 64 rows. Rows beyond the matrix become zeros.
    __device__ __forceinline__ void load(bf16* tile, const bf16* __restrict__ source, index_t first, index_t rows, int D) const
    {
        const int chunks = D / kChunk;
        for (int i = threadIdx.x; i < kSide * chunks; i += kThreads) {
            const int row = i / chunks;
            const int chunk = i % chunks;
            bf16* target = at(tile, row, chunk);
            if (first + row < rows) {
                cp_async_16(target, source + (first + row) * D + chunk * kChunk);
            } else {
                *reinterpret_cast<chunk_t*>(target) = chunk_t{};
            }
        }
    }

    __device__ __forceinline__ void load_keys(
        int stage, const bf16* __restrict__ source, const float* __restrict__ inverse, index_t key, index_t M, int D) const
    {
        load(keys(stage), source, key, M, D);
        if (threadIdx.x < kSide) {
            k_inverse[stage * kSide + threadIdx.x] = key + threadIdx.x < M ? inverse[key + threadIdx.x] : 0.0f;
        }
    }
};

// Of this thread's similarities s[t][e], e = 0, 1 belong to the warp's row lane / 4 and e = 2, 3 to the row 8 below; the
// columns are 8 * t + lane % 4 * 2 + e % 2.
struct Lane {
    int warp_row; // first of the warp's 16
    int lane;

    __device__ __forceinline__ Lane() : warp_row(threadIdx.x / kWarpSize * 16), lane(threadIdx.x % kWarpSize) {}
    __device__ __forceinline__ int row(int half) const { return warp_row + lane / 4 + 8 * half; }
    __device__ __forceinline__ int column(int tile, int e) const { return tile * 8 + lane % 4 * 2 + e; }
};

// Similarities over the temperature of the warp's 16 queries and 64 keys; minus infinity for keys that do not exist.
__device__ __forceinline__ void similarities(
    float s[kKeyTiles][4], const Tiles& tiles, int stage, const Lane& own, const float q_scale[2], index_t key, index_t M,
    int steps)
{
#pragma unroll
    for (int t = 0; t < kKeyTiles; t++) {
#pragma unroll
        for (int e = 0; e < 4; e++) s[t][e] = 0;
    }
    for (int step = 0; step < steps; step++) {
        u32 a[4];
        ldmatrix_x4(a, tiles.at(tiles.q, own.warp_row + own.lane % 16, 2 * step + own.lane / 16));
#pragma unroll
        for (int t = 0; t < kKeyTiles; t += 2) {
            u32 b[4]; // of two tiles of keys, the lower and the upper half of the step each
            const int row = t * 8 + own.lane / 16 * 8 + own.lane % 8;
            ldmatrix_x4(b, tiles.at(tiles.keys(stage), row, 2 * step + own.lane / 8 % 2));
            mma_m16n8k16_bf16(s[t], a, b);
            mma_m16n8k16_bf16(s[t + 1], a, b + 2);
        }
    }
#pragma unroll
    for (int t = 0; t < kKeyTiles; t++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
            const int column = own.column(t, e % 2);
            const float scaled = s[t][e] * q_scale[e / 2] * tiles.k_inverse[stage * kSide + column];
            s[t][e] = key + column < M ? scaled : -acc_infinity();
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) info_nce_forward_mma(
    acc_t* __restrict__ maxima, acc_t* __restrict__ sums, acc_t* __restrict__ positive, const scalar_t* __restrict__ q,
    const scalar_t* __restrict__ k, const acc_t* __restrict__ q_inverse, const acc_t* __restrict__ k_inverse,
    acc_t inverse, index_t offset, index_t chunk, index_t K, index_t N, index_t M, index_t D)
{
    DYNAMIC_SHARED(bf16, memory);
    const Tiles tiles(memory, D);
    const Lane own;
    const index_t blocks = (N + kSide - 1) / kSide;
    const index_t query = blockIdx.x % blocks * kSide;
    const index_t split = blockIdx.x / blocks;
    const index_t end = (split + 1) * chunk < M ? (split + 1) * chunk : M;
    float q_scale[2];
    float largest[2];
    float sum[2]; // of exp(s - largest) over the keys seen so far
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const index_t i = query + own.row(half);
        q_scale[half] = i < N ? q_inverse[i] * inverse : 0.0f;
        largest[half] = -acc_infinity();
        sum[half] = 0;
    }
    tiles.load(tiles.q, q, query, N, (int)D);
    tiles.load_keys(0, k, k_inverse, split * chunk, M, (int)D);
    cp_async_commit();
    int stage = 0;
    for (index_t key = split * chunk; key < end; key += kSide) {
        if (key + kSide < end) tiles.load_keys(stage ^ 1, k, k_inverse, key + kSide, M, (int)D);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        float s[kKeyTiles][4];
        similarities(s, tiles, stage, own, q_scale, key, M, (int)D / 16);
#pragma unroll
        for (int half = 0; half < 2; half++) {
            const index_t i = query + own.row(half);
            float now = largest[half];
#pragma unroll
            for (int t = 0; t < kKeyTiles; t++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    now = larger(now, s[t][2 * half + e]);
                    if (i < N && key + own.column(t, e) == i + offset) positive[i] = s[t][2 * half + e];
                }
            }
            // The four threads of a row are neighbours.
            now = larger(now, __shfl_xor_sync(kFullWarp, now, 1));
            now = larger(now, __shfl_xor_sync(kFullWarp, now, 2));
            float more = 0;
#pragma unroll
            for (int t = 0; t < kKeyTiles; t++) more += exp(s[t][2 * half] - now) + exp(s[t][2 * half + 1] - now);
            more += __shfl_xor_sync(kFullWarp, more, 1);
            more += __shfl_xor_sync(kFullWarp, more, 2);
            sum[half] = sum[half] * exp(largest[half] - now) + more;
            largest[half] = now;
        }
        __syncthreads(); // before this stage is loaded again
        stage ^= 1;
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const index_t i = query + own.row(half);
        if (own.lane % 4 == 0 && i < N) {
            maxima[split * N + i] = largest[half];
            sums[split * N + i] = sum[half];
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) info_nce_backward_mma(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ q, const scalar_t* __restrict__ k,
    const acc_t* __restrict__ log_sum_exp, const acc_t* __restrict__ q_inverse, const acc_t* __restrict__ k_inverse,
    acc_t inverse, index_t offset, index_t chunk, index_t K, index_t N, index_t M, index_t D)
{
    DYNAMIC_SHARED(bf16, memory);
    const Tiles tiles(memory, D);
    const Lane own;
    const index_t blocks = (N + kSide - 1) / kSide;
    const index_t query = blockIdx.x % blocks * kSide;
    const index_t split = blockIdx.x / blocks;
    const index_t end = (split + 1) * chunk < M ? (split + 1) * chunk : M;
    const int steps = (int)D / 16;
    float q_scale[2];
    float l[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const index_t i = query + own.row(half);
        q_scale[half] = i < N ? q_inverse[i] * inverse : 0.0f;
        l[half] = i < N ? log_sum_exp[i] : 0.0f;
    }
    float g[2 * kMaxSteps][4];
#pragma unroll
    for (int t = 0; t < 2 * kMaxSteps; t++) {
#pragma unroll
        for (int e = 0; e < 4; e++) g[t][e] = 0;
    }
    tiles.load(tiles.q, q, query, N, (int)D);
    tiles.load_keys(0, k, k_inverse, split * chunk, M, (int)D);
    cp_async_commit();
    int stage = 0;
    for (index_t key = split * chunk; key < end; key += kSide) {
        if (key + kSide < end) tiles.load_keys(stage ^ 1, k, k_inverse, key + kSide, M, (int)D);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        float s[kKeyTiles][4];
        similarities(s, tiles, stage, own, q_scale, key, M, steps);

        // The share of each key in each query, less 1 for its own, over the key's length.
#pragma unroll
        for (int t = 0; t < kKeyTiles; t++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int column = own.column(t, e % 2);
                const bool is_own = key + column == query + own.row(e / 2) + offset;
                s[t][e] = (exp(s[t][e] - l[e / 2]) - (is_own ? 1.0f : 0.0f)) * tiles.k_inverse[stage * kSide + column];
            }
        }
#pragma unroll
        for (int t = 0; t < kKeyTiles; t += 2) {
            // Sums of one product have the layout of the next one's left operand.
            const u32 a[4] = {
                pack_bf16(s[t][0], s[t][1]), pack_bf16(s[t][2], s[t][3]),
                pack_bf16(s[t + 1][0], s[t + 1][1]), pack_bf16(s[t + 1][2], s[t + 1][3])};
            const int row = t * 8 + own.lane % 16;
#pragma unroll
            for (int step = 0; step < kMaxSteps; step++) {
                if (step < steps) { // the same for the whole block
                    u32 b[4]; // of two tiles of columns, the lower and the upper eight keys each
                    ldmatrix_x4_trans(b, tiles.at(tiles.keys(stage), row, 2 * step + own.lane / 16));
                    mma_m16n8k16_bf16(g[2 * step], a, b);
                    mma_m16n8k16_bf16(g[2 * step + 1], a, b + 2);
                }
            }
        }
        __syncthreads(); // before this stage is loaded again
        stage ^= 1;
    }
#pragma unroll
    for (int t = 0; t < 2 * kMaxSteps; t++) {
        if (t < 2 * steps) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const index_t i = query + own.row(half);
                if (i < N) {
                    *reinterpret_cast<Pack<acc_t, 2>*>(partials + (split * N + i) * D + own.column(t, 0)) =
                        Pack<acc_t, 2>{{g[t][2 * half], g[t][2 * half + 1]}};
                }
            }
        }
    }
}
