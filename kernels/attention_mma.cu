// AttentionMma: attention for bfloat16 on tensor cores, for up to 208 tokens and heads of 32 or 64 columns: the sizes of the
// published vision transformers at 224 pixels. Formulas, shapes and results as in attention.cu, which does all other sizes.
// A warp owns 16 queries and holds their scores for some 90 keys in registers, with the softmax online: for all 208 it would
// need more than the 128 registers that a thread has where 13 warps share a multiprocessor. P goes from the accumulators to
// the operands of P V without leaving registers. Every sum has one owner: results repeat bit for bit.
// Shapes   qkv [B, T, 3, H, Dh]; y [B, T, H, Dh]; lse [B, H, T]; Dh the number in the entry's name; 1 <= T <= 208.
// Types    qkv, y bf16; lse, scale and every sum float. P is rounded to bf16 as an operand.
// Builds   bf16
// Launch   one warp for every 16 tokens, any grid up to the number of items (common/attention_tiles.cuh), of which a block takes
//          one after the other; all arrays 16-byte aligned; dynamic shared memory buffers * 384 R bytes, R = 16 ceil(T / 16):
//          with 2 buffers the next item is fetched while this one is computed.
// Cost     attention_mma_forward_32: 256*B*T*H + 4*B*H*T bytes, 128*B*H*T*T FLOPs
//          attention_mma_forward_64: 512*B*T*H + 4*B*H*T bytes, 256*B*H*T*T FLOPs
// Saves    qkv, y and lse, for attention_backward_mma.cu.
// Source   T. Dao et al., arXiv:2205.14135
#include "common/attention_tiles.cuh"

namespace {

constexpr float kLn2 = 0.6931471805599453f;

// Attention of one head for 16 queries. q, k, v start at the item's rows; the result takes the place of the queries.
template <int kWidth>
__device__ __forceinline__ void forward_strip(
    bf16* q, bf16* k, bf16* v, int first_chunk, int first, int T, float to_log2, float* lse)
{
    constexpr int kKeys = kWidth == 32 ? 96 : 80; // whose scores are in registers at a time
    constexpr int kSteps = kWidth / 16;
    const int lane = threadIdx.x % kWarpSize;
    float low = -acc_infinity(), high = -acc_infinity(); // maxima of rows lane / 4 and lane / 4 + 8, in units of log 2
    float sum_low = 0, sum_high = 0;                     // of this lane's columns
    float out[2 * kSteps][4];
#pragma unroll
    for (int n = 0; n < 2 * kSteps; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) out[n][i] = 0;
    }

#pragma unroll 1
    for (int start = 0; start < T; start += kKeys) {
        float s[kKeys / 8][4];
#pragma unroll
        for (int j = 0; j < kKeys / 8; j++) {
#pragma unroll
            for (int i = 0; i < 4; i++) s[j][i] = 0;
        }
#pragma unroll
        for (int step = 0; step < kSteps; step++) {
            u32 queries[4]; // read in every turn: beside the scores there is no room to keep them
            load_a(queries, q, first, first_chunk + 2 * step);
#pragma unroll
            for (int j = 0; j < kKeys / 16; j++) {
                if (start + j * 16 < T) {
                    u32 b[4];
                    load_b_of_transpose(b, k, start + j * 16, first_chunk + 2 * step);
                    mma_m16n8k16_bf16(s[2 * j], queries, b);
                    mma_m16n8k16_bf16(s[2 * j + 1], queries, b + 2);
                }
            }
        }

        float new_low = low, new_high = high;
#pragma unroll
        for (int j = 0; j < kKeys / 8; j++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int key = start + j * 8 + lane % 4 * 2 + i % 2;
                s[j][i] = key < T ? s[j][i] * to_log2 : -acc_infinity();
            }
            new_low = fmaxf(new_low, fmaxf(s[j][0], s[j][1]));
            new_high = fmaxf(new_high, fmaxf(s[j][2], s[j][3]));
        }
        new_low = quad_max(new_low);
        new_high = quad_max(new_high);
        const float keep_low = exp2f(low - new_low); // 0 in the first turn
        const float keep_high = exp2f(high - new_high);
        low = new_low;
        high = new_high;
        sum_low *= keep_low;
        sum_high *= keep_high;
#pragma unroll
        for (int n = 0; n < 2 * kSteps; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) out[n][i] *= i < 2 ? keep_low : keep_high;
        }

#pragma unroll
        for (int j = 0; j < kKeys / 16; j++) {
            if (start + j * 16 < T) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    s[2 * j][i] = exp2f(s[2 * j][i] - (i < 2 ? low : high));
                    s[2 * j + 1][i] = exp2f(s[2 * j + 1][i] - (i < 2 ? low : high));
                    (i < 2 ? sum_low : sum_high) += s[2 * j][i] + s[2 * j + 1][i];
                }
                u32 p[4];
                pack_a(p, s[2 * j], s[2 * j + 1]);
#pragma unroll
                for (int n = 0; n < kSteps; n++) {
                    u32 b[4];
                    load_b(b, v, start + j * 16, first_chunk + 2 * n);
                    mma_m16n8k16_bf16(out[2 * n], p, b);
                    mma_m16n8k16_bf16(out[2 * n + 1], p, b + 2);
                }
            }
        }
    }
    sum_low = quad_sum(sum_low);
    sum_high = quad_sum(sum_high);

    const int row = first + lane / 4;
    if (lane % 4 == 0) {
        if (row < T) lse[row] = (low + log2f(sum_low)) * kLn2;
        if (row + 8 < T) lse[row + 8] = (high + log2f(sum_high)) * kLn2;
    }
    __syncwarp(); // every lane has its queries in registers
#pragma unroll
    for (int n = 0; n < 2 * kSteps; n++) write_tile(q, first, first_chunk + n, out[n], 1 / sum_low, 1 / sum_high);
}

template <int kWidth>
__device__ __forceinline__ void forward(
    bf16* y, float* lse, const bf16* qkv, float scale, int B, int T, int H, int buffers)
{
    DYNAMIC_SHARED(bf16, shared);
    constexpr int kHeads = kSliceColumns / kWidth;
    const int rows = (T + 15) / 16 * 16;
    const int matrix = rows * kSliceColumns; // elements of q, k or v in a buffer
    const int items = B * ((H + kHeads - 1) / kHeads);
    const index_t pitch = (index_t)3 * H * kWidth;
    const int first = threadIdx.x / kWarpSize * 16;

    const auto begin = [&](int number, bf16* buffer) {
        const Item item(number, H, kWidth);
        const bf16* x = qkv + item.sample * T * pitch + item.head * kWidth;
        for (int part = 0; part < 3; part++) fetch(buffer + part * matrix, x + part * H * kWidth, pitch, T, item.chunks);
        cp_async_commit();
    };

    for (int part = 0; part < 3 * buffers; part++) clear_rest(shared + part * matrix, T, rows);
    begin(blockIdx.x, shared);
    int current = 0;
    for (int number = blockIdx.x; number < items; number += gridDim.x) {
        const int next = number + gridDim.x;
        if (buffers > 1 && next < items) {
            begin(next, shared + (current ^ 1) * 3 * matrix);
            cp_async_wait<1>();
        } else {
            cp_async_wait<0>();
        }
        __syncthreads();

        const Item item(number, H, kWidth);
        bf16* q = shared + current * 3 * matrix;
#pragma unroll 1
        for (int head = 0; head * kWidth < item.chunks * 8; head++) {
            forward_strip<kWidth>(
                q, q + matrix, q + 2 * matrix, head * (kWidth / 8), first, T, scale * kLog2e,
                lse + (item.sample * H + item.head + head) * T);
        }
        __syncwarp();
        write_strip(y + (item.sample * T * H + item.head) * kWidth, H * kWidth, q, first, T, item.chunks);
        __syncthreads(); // before this buffer is filled again
        if (buffers > 1) current ^= 1;
        else if (next < items) begin(next, shared);
    }
}

} // namespace

extern "C" __global__ void __launch_bounds__(416) attention_mma_forward_32(
    bf16* __restrict__ y, float* __restrict__ lse, const bf16* __restrict__ qkv, acc_t scale, int B, int T, int H,
    int buffers)
{
    forward<32>(y, lse, qkv, scale, B, T, H, buffers);
}

extern "C" __global__ void __launch_bounds__(416) attention_mma_forward_64(
    bf16* __restrict__ y, float* __restrict__ lse, const bf16* __restrict__ qkv, acc_t scale, int B, int T, int H,
    int buffers)
{
    forward<64>(y, lse, qkv, scale, B, T, H, buffers);
}
