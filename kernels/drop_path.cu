// DropPath: stochastic depth, which sets each sample to 0 with probability p and scales up the others. The gradient is the
// same with dy for x.
//   y_nd = x_nd scale if the upper 24 bits of word n of the random stream are at least T, else 0
//   scale = 1 / (1 - p), T = ceil(p 2^24): then word n as a uniform number is at least p, exactly
// Shapes   x, y [N, D]. Any N, D >= 1.
// Types    x, y scalar_t; scale and the product acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N * ceil(D / W) / 256): one thread for the W elements of 16 bytes, if both addresses and D are
//          whole packs; *_scalar: W = 1.
// Cost     drop_path: 2*N*D*sizeof(scalar_t) bytes, N*D FLOPs
//          drop_path_scalar: 2*N*D*sizeof(scalar_t) bytes, N*D FLOPs
// Source   G. Huang et al., "Deep networks with stochastic depth", arXiv:1603.09382.
#include "common/random.cuh"

template <int W>
__device__ __forceinline__ void drop(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N, index_t D)
{
    const index_t at = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * W;
    if (at >= N * D) return;
    const index_t n = at / D;
    const PhiloxBlock words = philox(key, (u32)(n / 4), sample, epoch, purpose);
    const int word = (int)(n % 4);
    const u32 bits = word < 2 ? (word == 0 ? words.x[0] : words.x[1]) : (word == 2 ? words.x[2] : words.x[3]);
    Pack<scalar_t, W> to;
    if (bits >> 8 >= T) {
        const Pack<scalar_t, W> from = *(const Pack<scalar_t, W>*)(x + at);
#pragma unroll
        for (int k = 0; k < W; k++) store(&to.v[k], load(&from.v[k]) * scale);
    } else {
#pragma unroll
        for (int k = 0; k < W; k++) store(&to.v[k], acc_t(0));
    }
    store_pack(y + at, to);
}

extern "C" __global__ void drop_path(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N, index_t D)
{
    drop<kPackWidth>(y, x, scale, T, key, sample, epoch, purpose, N, D);
}

extern "C" __global__ void drop_path_scalar(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, acc_t scale, u32 T,
    u64 key, u32 sample, u32 epoch, u32 purpose, index_t N, index_t D)
{
    drop<1>(y, x, scale, T, key, sample, epoch, purpose, N, D);
}
