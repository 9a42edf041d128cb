// attention_tiles.cuh: what the tensor-core kernels of attention share: operands in shared memory, without bank conflicts, and as fragments.
// An item is 128 bytes of a token's columns for all tokens of a sample: one head of 64 or two of 32. There are
// B * ceil(H Dh / 64) of them. Fragments as in the PTX manual, m16n8k16.
#pragma once
#include "common/scalar.cuh"

constexpr int kSliceColumns = 64; // 128 bytes: a row of shared memory
constexpr int kChunks = 8;        // of 16 bytes, in a row
constexpr float kLog2e = 1.4426950408889634f;

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
