// Dropout: sets each element to 0 with probability p and scales up the others. The gradient is the same with dy for x.
//   y_i = x_i scale if the upper 24 bits of word i of the random stream are at least T, else 0
//   scale = 1 / (1 - p), T = ceil(p 2^24): then word i as a uniform number is at least p, exactly
// Shapes   x, y of N elements each. 1 <= N <= 2^34, which is what a stream has.
// Types    x, y scalar_t; scale and the product acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 G)): one thread for the G elements of as many Philox blocks of 4 as make up 16 bytes,
//          8 in bf16, else 4; *_scalar: G = 4, one element to an access.
// Cost     dropout: 2*N*sizeof(scalar_t) bytes, N FLOPs
//          dropout_scalar: 2*N*sizeof(scalar_t) bytes, N FLOPs
// Source   N. Srivastava et al., "Dropout", JMLR 15 (2014).
#include "common/random.cuh"

constexpr int kWords = 4; // of a Philox block

template <int W>
__device__ __forceinline__ void drop(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N)
{
    constexpr int kGroup = W > kWords ? W : kWords;
    const index_t first = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * kGroup;
    if (first >= N) return;
    bool kept[kGroup];
#pragma unroll
    for (int k = 0; k < kGroup; k += kWords) {
        const PhiloxBlock words = philox(key, (u32)((first + k) / kWords), sample, epoch, purpose);
#pragma unroll
        for (int word = 0; word < kWords; word++) kept[k + word] = words.x[word] >> 8 >= T;
    }
#pragma unroll
    for (int start = 0; start < kGroup; start += W) {
        const index_t at = first + start;
        if (at + W <= N) {
            const Pack<scalar_t, W> from = *(const Pack<scalar_t, W>*)(x + at);
            Pack<scalar_t, W> to;
#pragma unroll
            for (int k = 0; k < W; k++) store(&to.v[k], kept[start + k] ? load(&from.v[k]) * scale : acc_t(0));
            store_pack(y + at, to);
        } else {
#pragma unroll
            for (int k = 0; k < W; k++) {
                if (at + k < N) store(&y[at + k], kept[start + k] ? load(&x[at + k]) * scale : acc_t(0));
            }
        }
    }
}

extern "C" __global__ void dropout(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N)
{
    drop<kPackWidth>(y, x, scale, T, key, sample, epoch, purpose, N);
}

extern "C" __global__ void dropout_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N)
{
    drop<1>(y, x, scale, T, key, sample, epoch, purpose, N);
}
