// NormalizeImages: 8-bit images become standardized numbers, channels first. Images are data: there is no gradient.
//   y[b, c, h, w] = (x[b, h, w, c] / 255 - mean[c]) / std[c]
// Shapes   x [B, H, W, C], y [B, C, H, W]; P = H * W pixels to an image. A launch does the S channels from F on, at most
//          16 of them. Any B, P, C >= 1.
// Types    x u8; y scalar_t; computed in acc_t from float means and deviations.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(B * P / (256 E)): one thread for E neighbouring pixels, as many as 16 bytes of y hold, if y is
//          aligned and P is whole packs; *_scalar: E = 1.
// Cost     normalize_images: B*P*S*(1 + sizeof(scalar_t)) bytes, 3*B*P*S FLOPs
//          normalize_images_scalar: B*P*S*(1 + sizeof(scalar_t)) bytes, 3*B*P*S FLOPs
#include "common/scalar.cuh"

constexpr int kMaxChannels = 16;

struct ChannelStatistics {
    float mean[kMaxChannels];
    float std[kMaxChannels];
};

template <int E>
__device__ __forceinline__ void normalize(
    scalar_t* __restrict__ y, const u8* __restrict__ x, const ChannelStatistics& statistics,
    index_t B, index_t P, index_t C, index_t F, index_t S)
{
    const index_t pixel = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * E;
    if (pixel >= B * P) return;
    const index_t image = pixel / P;
    x += pixel * C + F;
    y += (image * C + F) * P + (pixel - image * P);
    for (index_t s = 0; s < S; s++) {
        const acc_t mean = statistics.mean[s];
        const acc_t std = statistics.std[s];
        Pack<scalar_t, E> pack;
#pragma unroll
        for (int k = 0; k < E; k++) store(&pack.v[k], (acc_t(x[k * C + s]) / 255 - mean) / std);
        store_pack(y + s * P, pack);
    }
}

extern "C" __global__ void normalize_images(
    scalar_t* __restrict__ y, const u8* __restrict__ x, const __grid_constant__ ChannelStatistics statistics,
    index_t B, index_t P, index_t C, index_t F, index_t S)
{
    normalize<kPackWidth>(y, x, statistics, B, P, C, F, S);
}

extern "C" __global__ void normalize_images_scalar(
    scalar_t* __restrict__ y, const u8* __restrict__ x, const __grid_constant__ ChannelStatistics statistics,
    index_t B, index_t P, index_t C, index_t F, index_t S)
{
    normalize<1>(y, x, statistics, B, P, C, F, S);
}
