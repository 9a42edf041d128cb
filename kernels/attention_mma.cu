// AttentionMma: attention for bfloat16 on tensor cores, for up to 208 tokens and heads of 32 or 64 columns: the sizes of the
// published vision transformers at 224 pixels. Formulas, shapes and results as in attention.cu, which does all other sizes.
//   forward    a warp owns 16 queries and holds their scores for some 90 keys in registers, with the softmax online: for all
//              208 it would need more than the 128 registers that a thread has where 13 warps share a multiprocessor. P goes
//              from the accumulators to the operands of P V without leaving registers
//   backward A a warp owns 16 keys: S^T = K Q^T; P^T = exp(scale S^T - L); dP^T = V dY^T; dS^T = scale P^T o (dP^T - delta);
//              dV += P^T dY; dK += dS^T Q; dS^T stays in shared memory
//   backward B a warp owns 16 queries: dQ = dS K
// Every sum has one owner: nothing is added across warps, so results repeat bit for bit.
// Shapes   qkv, dqkv [B, T, 3, H, Dh]; y, dy [B, T, H, Dh]; lse [B, H, T]; Dh the number in the entry's name; 1 <= T <= 208.
// Types    qkv, y, dy, dqkv bf16; lse, scale and every sum float. P and dS are rounded to bf16 as operands.
// Builds   bf16
// Launch   one warp for every 16 tokens; all arrays 16-byte aligned. An item is 128 bytes of a token's columns: one head of
//          64 or two of 32; there are B * slices of them, slices = ceil(H Dh / 64). R stands for 16 ceil(T / 16).
//          forward: any grid up to the number of items, a block takes one after the other; dynamic shared memory
//          buffers * 384 R bytes: with 2 buffers the next item is fetched while this one is computed.
//          backward: grid B * slices; dynamic shared memory 512 R + (2 R + 16) R + 8 R bytes for each head of a slice.
// Cost     attention_mma_forward_32: 256*B*T*H + 4*B*H*T bytes, 128*B*H*T*T FLOPs
//          attention_mma_forward_64: 512*B*T*H + 4*B*H*T bytes, 256*B*H*T*T FLOPs
//          attention_mma_backward_32: 512*B*T*H + 4*B*H*T bytes, 320*B*H*T*T FLOPs
//          attention_mma_backward_64: 1024*B*T*H + 4*B*H*T bytes, 640*B*H*T*T FLOPs
// Saves    qkv, y and lse.
// Source   T. Dao et al., arXiv:2205.14135; fragments as in the PTX manual, m16n8k16.
#include "common/scalar.cuh"

namespace {

constexpr int kSliceColumns = 64; // 128 bytes: a row of shared memory
constexpr int kChunks = 8;        // of 16 bytes, in a row
constexpr float kLog2e = 1.4426950408889634f;
constexpr float kLn2 = 0.6931471805599453f;

// Where 16-byte chunk c of a row stands: exclusive-or with the row spreads a column of chunks over all banks.
__device__ __forceinline__ bf16* chunk(bf16* matrix, int row, int c)
{
    return matrix + row * kSliceColumns + ((c ^ (row & 7)) << 3);
}

// Starts to copy the first T rows of a slice.
__device__ __forceinline__ void fetch(bf16* matrix, const bf16* x, index_t pitch, int T, int chunks)
{
    for (int i = threadIdx.x; i < T * kChunks; i += blockDim.x) {
        const int row = i / kChunks;
        const int c = i % kChunks;
        if (c < chunks) cp_async_16(chunk(matrix, row, c), x + row * pitch + c * 8);
    }
}

// Zeros in the rows behind the last token, which no copy reaches.
__device__ __forceinline__ void clear_rest(bf16* matrix, int T, int rows)
{
    for (int i = T * kSliceColumns + threadIdx.x; i < rows * kSliceColumns; i += blockDim.x) matrix[i].bits = 0;
}

// Writes a warp's 16 rows of a slice back to memory, 128 bytes of a token at a time.
__device__ __forceinline__ void write_strip(bf16* x, index_t pitch, bf16* matrix, int first, int T, int chunks)
{
    const int lane = threadIdx.x % kWarpSize;
#pragma unroll
    for (int i = 0; i < 16; i += kWarpSize / kChunks) {
        const int row = first + i + lane / kChunks;
        const int c = lane % kChunks;
        if (row < T && c < chunks) store_pack(x + row * pitch + c * 8, *(const Pack<bf16, 8>*)chunk(matrix, row, c));
    }
}

// Operands are read 16 rows at a time, from a row that is a multiple of 8: then it drops out of the exclusive-or, and the
// address is one number of the lane's own plus one that all lanes share.

// The 16 x 16 tile at (row, chunk c) as an A operand.
__device__ __forceinline__ void load_a(u32 a[4], bf16* matrix, int row, int c)
{
    const int lane = threadIdx.x % kWarpSize;
    ldmatrix_x4(a, chunk(matrix, lane % 16, c + lane / 16) + row * kSliceColumns);
}

// Two B operands, b[0..1] and b[2..3], of X^T: 16 rows of X as columns, the 16 columns at chunk c as terms.
__device__ __forceinline__ void load_b_of_transpose(u32 b[4], bf16* matrix, int row, int c)
{
    const int lane = threadIdx.x % kWarpSize;
    ldmatrix_x4(b, chunk(matrix, lane / 16 * 8 + lane % 8, c + lane / 8 % 2) + row * kSliceColumns);
}

// Two B operands of X itself: 16 rows of X as terms, columns c * 8 to c * 8 + 15.
__device__ __forceinline__ void load_b(u32 b[4], bf16* matrix, int row, int c)
{
    const int lane = threadIdx.x % kWarpSize;
    ldmatrix_x4_trans(b, chunk(matrix, lane % 16, c + lane / 16) + row * kSliceColumns);
}

// Two accumulators side by side, 16 x 16, as an A operand.
__device__ __forceinline__ void pack_a(u32 a[4], const float left[4], const float right[4])
{
    a[0] = pack_bf16(left[0], left[1]);
    a[1] = pack_bf16(left[2], left[3]);
    a[2] = pack_bf16(right[0], right[1]);
    a[3] = pack_bf16(right[2], right[3]);
}

// Writes accumulators of a 16 x 8 tile, scaled by rows, as bf16 to (row, chunk c).
__device__ __forceinline__ void write_tile(bf16* matrix, int row, int c, const float v[4], float low, float high)
{
    const int lane = threadIdx.x % kWarpSize;
    *(u32*)&chunk(matrix, row + lane / 4, c)[lane % 4 * 2] = pack_bf16(v[0] * low, v[1] * low);
    *(u32*)&chunk(matrix, row + lane / 4 + 8, c)[lane % 4 * 2] = pack_bf16(v[2] * high, v[3] * high);
}

// Sum and maximum over the four lanes that share a row of an accumulator.
__device__ __forceinline__ float quad_sum(float v)
{
    v += __shfl_xor_sync(kFullWarp, v, 1);
    return v + __shfl_xor_sync(kFullWarp, v, 2);
}

__device__ __forceinline__ float quad_max(float v)
{
    v = fmaxf(v, __shfl_xor_sync(kFullWarp, v, 1));
    return fmaxf(v, __shfl_xor_sync(kFullWarp, v, 2));
}

// One slice of one sample.
struct Item {
    index_t sample;
    int head;   // the first of the slice
    int chunks; // of 16 bytes that it has

    __device__ __forceinline__ Item(int number, int H, int width)
    {
        const int heads = kSliceColumns / width;
        const int slices = (H + heads - 1) / heads;
        sample = number / slices;
        head = number % slices * heads;
        chunks = (H - head < heads ? H - head : heads) * width / 8;
    }
};

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
