// AttentionBackwardMma: the gradient of attention for the sizes of attention_mma.cu, on tensor cores.
//   phase A  a warp owns 16 keys: S^T = K Q^T; P^T = exp(scale S^T - L); dP^T = V dY^T; dS^T = scale P^T o (dP^T - delta);
//            dV += P^T dY; dK += dS^T Q; dS^T stays in shared memory
//   phase B  a warp owns 16 queries: dQ = dS K
// Every sum has one owner: nothing is added across warps, so results repeat bit for bit.
// Shapes   qkv, dqkv [B, T, 3, H, Dh]; y, dy [B, T, H, Dh]; lse [B, H, T]; Dh the number in the entry's name; 1 <= T <= 208.
// Types    qkv, y, dy, dqkv bf16; lse, scale and every sum float. P and dS are rounded to bf16 as operands.
// Builds   bf16
// Launch   one warp for every 16 tokens, a block for every item (common/attention_tiles.cuh); all arrays 16-byte aligned; dynamic
//          shared memory 512 R + (2 R + 16) R + 8 R bytes for each head of an item, R = 16 ceil(T / 16).
// Cost     attention_mma_backward_32: 512*B*T*H + 4*B*H*T bytes, 320*B*H*T*T FLOPs
//          attention_mma_backward_64: 1024*B*T*H + 4*B*H*T bytes, 640*B*H*T*T FLOPs
// Source   T. Dao et al., arXiv:2205.14135
#include "common/attention_tiles.cuh"

namespace {

template <int kWidth>
__device__ __forceinline__ void backward(
    bf16* dqkv, const bf16* dy, const bf16* qkv, const bf16* y, const float* lse, float scale, int B, int T, int H)
{
    DYNAMIC_SHARED(bf16, shared);
    constexpr int kSteps = kWidth / 16;
    constexpr int kHeads = kSliceColumns / kWidth;
    constexpr bool kKeeps = kWidth == 32; // whether a warp's keys and values fit into registers beside its sums
    const int rows = (T + 15) / 16 * 16;
    const int matrix = rows * kSliceColumns;
    const int slope_pitch = rows + 8; // an odd number of 16-byte chunks: neither writing nor ldmatrix meets a bank twice
    bf16* q = shared;
    bf16* k = q + matrix;
    bf16* v = k + matrix;
    bf16* g = v + matrix;                           // dY
    bf16* slopes = g + matrix;                      // dS^T of one head: [key][query]
    float* levels = (float*)(slopes + rows * slope_pitch); // L in units of log 2, by head and query
    float* deltas = levels + kHeads * rows;

    const Item item(blockIdx.x, H, kWidth);
    const index_t pitch = (index_t)3 * H * kWidth;
    const index_t first_element = item.sample * T * pitch + item.head * kWidth;
    const index_t first_of_y = (item.sample * T * H + item.head) * kWidth;
    for (int part = 0; part < 3; part++) {
        fetch(q + part * matrix, qkv + first_element + part * H * kWidth, pitch, T, item.chunks);
    }
    fetch(g, dy + first_of_y, H * kWidth, T, item.chunks);
    cp_async_commit();
    for (int part = 0; part < 4; part++) clear_rest(q + part * matrix, T, rows);

    const int lane = threadIdx.x % kWarpSize;
    const int first = threadIdx.x / kWarpSize * 16;
    for (int i = threadIdx.x; i < kHeads * rows; i += blockDim.x) {
        const int head = i / rows;
        const int query = i % rows;
        const bool exists = query < T && head * kWidth < item.chunks * 8;
        // Infinity makes the probabilities of queries that do not exist zero.
        levels[i] = exists ? lse[(item.sample * H + item.head + head) * T + query] * kLog2e : acc_infinity();
    }
    cp_async_wait<0>();
    __syncthreads();

    // delta: eight lanes read a row of dY and Y.
#pragma unroll
    for (int i = 0; i < 16; i += kWarpSize / kChunks) {
        const int row = first + i + lane / kChunks;
        const int c = lane % kChunks;
        float sum = 0;
        if (row < T && c < item.chunks) {
            const Pack<bf16, 8> a = *(const Pack<bf16, 8>*)chunk(g, row, c);
            const Pack<bf16, 8> b = *(const Pack<bf16, 8>*)(y + first_of_y + row * H * kWidth + c * 8);
#pragma unroll
            for (int w = 0; w < 8; w++) sum += load(&a.v[w]) * load(&b.v[w]);
        }
#pragma unroll
        for (int offset = kWidth / 16; offset > 0; offset >>= 1) sum += __shfl_xor_sync(kFullWarp, sum, offset);
        if (c % (kWidth / 8) == 0) deltas[c / (kWidth / 8) * rows + row] = sum;
    }
    __syncthreads();

    const float to_log2 = scale * kLog2e;
    const bool has_low = first + lane / 4 < T; // whether the rows of a fragment are tokens
    const bool has_high = first + lane / 4 + 8 < T;
#pragma unroll 1
    for (int head = 0; head * kWidth < item.chunks * 8; head++) {
        const int c = head * (kWidth / 8); // the head's first chunk
        {
            u32 keys[kSteps][4], values[kSteps][4];
            if (kKeeps) {
#pragma unroll
                for (int step = 0; step < kSteps; step++) {
                    load_a(keys[step], k, first, c + 2 * step);
                    load_a(values[step], v, first, c + 2 * step);
                }
            }
            float dk[2 * kSteps][4], dv[2 * kSteps][4];
#pragma unroll
            for (int n = 0; n < 2 * kSteps; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) dk[n][i] = dv[n][i] = 0;
            }

#pragma unroll 1
            for (int query = 0; query < rows; query += 16) {
                float s[2][4] = {}, dp[2][4] = {};
#pragma unroll
                for (int step = 0; step < kSteps; step++) {
                    u32 b[4];
                    if (!kKeeps) {
                        load_a(keys[step], k, first, c + 2 * step);
                        load_a(values[step], v, first, c + 2 * step);
                    }
                    load_b_of_transpose(b, q, query, c + 2 * step);
                    mma_m16n8k16_bf16(s[0], keys[step], b);
                    mma_m16n8k16_bf16(s[1], keys[step], b + 2);
                    load_b_of_transpose(b, g, query, c + 2 * step);
                    mma_m16n8k16_bf16(dp[0], values[step], b);
                    mma_m16n8k16_bf16(dp[1], values[step], b + 2);
                }
#pragma unroll
                for (int n = 0; n < 2; n++) {
                    const int column = query + n * 8 + lane % 4 * 2;
                    const float* level = &levels[head * rows + column];
                    const float* delta = &deltas[head * rows + column];
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        const bool exists = i < 2 ? has_low : has_high;
                        const float p = exists ? exp2f(s[n][i] * to_log2 - level[i % 2]) : 0.0f;
                        s[n][i] = p;
                        dp[n][i] = p * (dp[n][i] - delta[i % 2]) * scale;
                    }
                }

                u32 p[4], ds[4];
                pack_a(p, s[0], s[1]);
                pack_a(ds, dp[0], dp[1]);
                u32* low = (u32*)&slopes[(first + lane / 4) * slope_pitch + query + lane % 4 * 2];
                u32* high = (u32*)&slopes[(first + lane / 4 + 8) * slope_pitch + query + lane % 4 * 2];
                low[0] = ds[0];
                high[0] = ds[1];
                low[4] = ds[2];
                high[4] = ds[3];
#pragma unroll
                for (int n = 0; n < kSteps; n++) {
                    u32 b[4];
                    load_b(b, g, query, c + 2 * n);
                    mma_m16n8k16_bf16(dv[2 * n], p, b);
                    mma_m16n8k16_bf16(dv[2 * n + 1], p, b + 2);
                    load_b(b, q, query, c + 2 * n);
                    mma_m16n8k16_bf16(dk[2 * n], ds, b);
                    mma_m16n8k16_bf16(dk[2 * n + 1], ds, b + 2);
                }
            }

            // All warps have read all queries and gradients of this head: their places take the results.
            __syncthreads();
#pragma unroll
            for (int n = 0; n < 2 * kSteps; n++) {
                write_tile(q, first, c + n, dk[n], 1, 1);
                write_tile(v, first, c + n, dv[n], 1, 1);
            }
        }

        float dq[2 * kSteps][4];
#pragma unroll
        for (int n = 0; n < 2 * kSteps; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) dq[n][i] = 0;
        }
#pragma unroll 1
        for (int key = 0; key < rows; key += 16) {
            u32 ds[4];
            ldmatrix_x4_trans(
                ds, &slopes[(key + lane / 16 * 8 + lane % 8) * slope_pitch + first + lane / 8 % 2 * 8]);
#pragma unroll
            for (int n = 0; n < kSteps; n++) {
                u32 b[4];
                load_b(b, k, key, c + 2 * n);
                mma_m16n8k16_bf16(dq[2 * n], ds, b);
                mma_m16n8k16_bf16(dq[2 * n + 1], ds, b + 2);
            }
        }
#pragma unroll
        for (int n = 0; n < 2 * kSteps; n++) write_tile(g, first, c + n, dq[n], 1, 1);
        __syncthreads(); // before the next head's slopes
    }

    bf16* out = dqkv + first_element;
    write_strip(out, pitch, g, first, T, item.chunks);
    write_strip(out + H * kWidth, pitch, q, first, T, item.chunks);
    write_strip(out + 2 * H * kWidth, pitch, v, first, T, item.chunks);
}

} // namespace

extern "C" __global__ void __launch_bounds__(416) attention_mma_backward_32(
    bf16* __restrict__ dqkv, const bf16* __restrict__ dy, const bf16* __restrict__ qkv, const bf16* __restrict__ y,
    const float* __restrict__ lse, acc_t scale, int B, int T, int H)
{
    backward<32>(dqkv, dy, qkv, y, lse, scale, B, T, H);
}

extern "C" __global__ void __launch_bounds__(416) attention_mma_backward_64(
    bf16* __restrict__ dqkv, const bf16* __restrict__ dy, const bf16* __restrict__ qkv, const bf16* __restrict__ y,
    const float* __restrict__ lse, acc_t scale, int B, int T, int H)
{
    backward<64>(dqkv, dy, qkv, y, lse, scale, B, T, H);
}
