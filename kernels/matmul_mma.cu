// MatMulMma: matrix products for bfloat16 on tensor cores, for a GPU without cuBLASLt. Formula and shapes as in matmul.cu,
// which does what is not aligned.
// Shapes   as in matmul.cu; the rows of A, B, C and D, and of each of their matrices, start at multiples of 16 bytes.
// Types    A, B, C, D, bias bf16; alpha, beta and the sums float.
// Builds   bf16
// Launch   block 256; grid batch * ceil(M / 128) * ceil(N / 128), columns fastest; dynamic shared memory 61440 bytes. A block
//          owns a 128 x 128 tile of D, a warp 64 x 32 of it. Slabs of 32 terms come by cp.async, three of them under way. The
//          name says which operands stand transposed: n as [M, K] or [K, N], t as [K, M] or [N, K].
// Cost     matmul_mma_nn: 2*batch*(M*K + K*N + M*N) bytes, 2*batch*M*N*K FLOPs
//          matmul_mma_nt: 2*batch*(M*K + K*N + M*N) bytes, 2*batch*M*N*K FLOPs
//          matmul_mma_tn: 2*batch*(M*K + K*N + M*N) bytes, 2*batch*M*N*K FLOPs
//          matmul_mma_tt: 2*batch*(M*K + K*N + M*N) bytes, 2*batch*M*N*K FLOPs
// Source   fragments as in the PTX manual, m16n8k16.
#include "common/scalar.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int kTile = 128;
constexpr int kDepth = 32;
constexpr int kStages = 3;
constexpr int kSlab = 5120;          // elements of a slab: 128 rows of 40 or 32 of 136, the larger of the two
constexpr int kAcross = 64 / 16;     // a warp's fragments down its 64 rows
constexpr int kAlong = 32 / 8;       // and along its 32 columns

// A slab of an operand in shared memory. Along depth: [128 rows][32 terms]; otherwise [32 terms][128 rows]. The pitch has an
// odd number of 16-byte chunks, so that neither copying nor ldmatrix meets a bank twice.
template <bool kAlongDepth>
struct Slab {
    static constexpr int kRun = kAlongDepth ? kDepth : kTile;
    static constexpr int kPitch = kRun + 8;

    // Starts to copy terms [start, start + 32) of rows [first, first + 128), with zeros from row count and term K on.
    __device__ __forceinline__ static void fetch(
        bf16* slab, const bf16* x, index_t first, index_t count, index_t start, index_t K)
    {
        constexpr int kChunks = kRun / 8; // of a run
#pragma unroll 1
        for (int i = threadIdx.x; i < kTile * kDepth / 8; i += kThreads) {
            const int run = i / kChunks;
            const int along = i % kChunks * 8;
            const index_t row = first + (kAlongDepth ? run : along);
            const index_t term = start + (kAlongDepth ? along : run);
            bf16* to = slab + run * kPitch + along;
            if (row < count && term < K) cp_async_16(to, x + (kAlongDepth ? row * K + term : term * count + row));
            else *(Pack<bf16, 8>*)to = Pack<bf16, 8>{};
        }
    }

    // 16 rows and 16 terms as an A operand.
    __device__ __forceinline__ static void load_a(u32 a[4], const bf16* slab, int row, int term)
    {
        const int lane = threadIdx.x % kWarpSize;
        if (kAlongDepth) ldmatrix_x4(a, slab + (row + lane % 16) * kPitch + term + lane / 16 * 8);
        else ldmatrix_x4_trans(a, slab + (term + lane / 16 * 8 + lane % 8) * kPitch + row + lane / 8 % 2 * 8);
    }

    // 16 rows (columns of D) and 16 terms as two B operands.
    __device__ __forceinline__ static void load_b(u32 b[4], const bf16* slab, int row, int term)
    {
        const int lane = threadIdx.x % kWarpSize;
        if (kAlongDepth) ldmatrix_x4(b, slab + (row + lane / 16 * 8 + lane % 8) * kPitch + term + lane / 8 % 2 * 8);
        else ldmatrix_x4_trans(b, slab + (term + lane % 16) * kPitch + row + lane / 16 * 8);
    }
};

template <bool kTransposeA, bool kTransposeB>
__device__ __forceinline__ void product(
    bf16* d, const bf16* a, const bf16* b, const bf16* c, const bf16* bias, float alpha, float beta, index_t M, index_t N,
    index_t K, index_t stride_a, index_t stride_b, index_t stride_d)
{
    typedef Slab<!kTransposeA> SlabA;
    typedef Slab<kTransposeB> SlabB;
    DYNAMIC_SHARED(bf16, slabs); // [stage][A, B][kSlab]
    const index_t tiles_n = (N + kTile - 1) / kTile;
    const index_t tiles = (M + kTile - 1) / kTile * tiles_n;
    const index_t item = blockIdx.x / tiles;
    const index_t tile = blockIdx.x % tiles;
    const index_t first_m = tile / tiles_n * kTile;
    const index_t first_n = tile % tiles_n * kTile;
    a += item * stride_a;
    b += item * stride_b;

    const int lane = threadIdx.x % kWarpSize;
    const int warp = threadIdx.x / kWarpSize;
    const int warp_m = warp / 4 * 64;
    const int warp_n = warp % 4 * 32;
    const bool works = first_m + warp_m < M && first_n + warp_n < N; // the same for the whole warp

    float sum[kAcross][kAlong][4];
#pragma unroll
    for (int i = 0; i < kAcross; i++) {
#pragma unroll
        for (int j = 0; j < kAlong; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sum[i][j][e] = 0;
        }
    }

    const int steps = (int)((K + kDepth - 1) / kDepth);
    const auto fetch = [&](int step) {
        bf16* slab = slabs + step % kStages * 2 * kSlab;
        if (step < steps) {
            SlabA::fetch(slab, a, first_m, M, (index_t)step * kDepth, K);
            SlabB::fetch(slab + kSlab, b, first_n, N, (index_t)step * kDepth, K);
        }
        cp_async_commit(); // empty groups at the end keep the count right
    };

#pragma unroll 1
    for (int step = 0; step < kStages - 1; step++) fetch(step);
#pragma unroll 1
    for (int step = 0; step < steps; step++) {
        cp_async_wait<kStages - 2>();
        __syncthreads(); // this slab is complete, and nobody reads the one that the next copy overwrites
        fetch(step + kStages - 1);
        const bf16* slab = slabs + step % kStages * 2 * kSlab;
        if (works) {
#pragma unroll
            for (int term = 0; term < kDepth; term += 16) {
                u32 fragments_b[kAlong / 2][4];
#pragma unroll
                for (int j = 0; j < kAlong / 2; j++) SlabB::load_b(fragments_b[j], slab + kSlab, warp_n + j * 16, term);
#pragma unroll
                for (int i = 0; i < kAcross; i++) {
                    u32 fragment_a[4];
                    SlabA::load_a(fragment_a, slab, warp_m + i * 16, term);
#pragma unroll
                    for (int j = 0; j < kAlong; j++) {
                        mma_m16n8k16_bf16(sum[i][j], fragment_a, fragments_b[j / 2] + j % 2 * 2);
                    }
                }
            }
        }
    }
    cp_async_wait<0>();

    if (!works) return;
    d += item * stride_d;
    if (beta != 0) c += item * stride_d;
#pragma unroll
    for (int j = 0; j < kAlong; j++) {
        const index_t n = first_n + warp_n + j * 8 + lane % 4 * 2; // and n + 1: N is even
        if (n >= N) continue;
        const float shift0 = bias ? load(&bias[n]) : 0.0f;
        const float shift1 = bias ? load(&bias[n + 1]) : 0.0f;
#pragma unroll
        for (int i = 0; i < kAcross; i++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const index_t m = first_m + warp_m + i * 16 + half * 8 + lane / 4;
                if (m >= M) continue;
                float v0 = alpha * sum[i][j][2 * half] + shift0;
                float v1 = alpha * sum[i][j][2 * half + 1] + shift1;
                if (beta != 0) {
                    const Pack<bf16, 2> old = *(const Pack<bf16, 2>*)&c[m * N + n];
                    v0 += beta * load(&old.v[0]);
                    v1 += beta * load(&old.v[1]);
                }
                *(u32*)&d[m * N + n] = pack_bf16(v0, v1);
            }
        }
    }
}

} // namespace

extern "C" __global__ void __launch_bounds__(256, 2) matmul_mma_nn(
    bf16* d, const bf16* __restrict__ a, const bf16* __restrict__ b, const bf16* c, const bf16* __restrict__ bias,
    acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K, index_t stride_a, index_t stride_b,
    index_t stride_d)
{
    product<false, false>(d, a, b, c, bias, alpha, beta, M, N, K, stride_a, stride_b, stride_d);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_mma_nt(
    bf16* d, const bf16* __restrict__ a, const bf16* __restrict__ b, const bf16* c, const bf16* __restrict__ bias,
    acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K, index_t stride_a, index_t stride_b,
    index_t stride_d)
{
    product<false, true>(d, a, b, c, bias, alpha, beta, M, N, K, stride_a, stride_b, stride_d);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_mma_tn(
    bf16* d, const bf16* __restrict__ a, const bf16* __restrict__ b, const bf16* c, const bf16* __restrict__ bias,
    acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K, index_t stride_a, index_t stride_b,
    index_t stride_d)
{
    product<true, false>(d, a, b, c, bias, alpha, beta, M, N, K, stride_a, stride_b, stride_d);
}

extern "C" __global__ void __launch_bounds__(256, 2) matmul_mma_tt(
    bf16* d, const bf16* __restrict__ a, const bf16* __restrict__ b, const bf16* c, const bf16* __restrict__ bias,
    acc_t alpha, acc_t beta, index_t batch, index_t M, index_t N, index_t K, index_t stride_a, index_t stride_b,
    index_t stride_d)
{
    product<true, true>(d, a, b, c, bias, alpha, beta, M, N, K, stride_a, stride_b, stride_d);
}
