// EraseImages: fills boxes of images with standard normal noise, in place.
//   x_e = normal number e of the random stream, for every element e of a box in all channels
//   normals 2b, 2b + 1 = r cos(2 pi v), r sin(2 pi v), r = sqrt(-2 log(1 - u)), u and v the two doubles of block b
// Shapes   x [N, C, H, W]; boxes [K, 5] of int: image, top, left, height, width, inside the image, at most A pixels each,
//          no two of one image. K, C, H, W, A >= 1; N*C*H*W <= 2^33, which is what a stream has of doubles.
// Types    x scalar_t; the noise is computed in double in every build, so that all devices round the same numbers.
// Builds   f64 f32 bf16
// Launch   block 256, grid (K * C, ceil(A / 256)): one thread per element; those beyond their box have nothing to do.
// Cost     erase_images: K*C*A*sizeof(scalar_t) bytes, 60*K*C*A FLOPs
// Source   Z. Zhong et al., "Random erasing data augmentation", arXiv:1708.04896; Box and Muller, Ann. Math. Stat. 29 (1958).
#include "common/random.cuh"

extern "C" __global__ void __launch_bounds__(256) erase_images(
    scalar_t* x, const int* __restrict__ boxes, u64 key, u32 sample, u32 epoch, u32 purpose,
    index_t K, index_t A, index_t C, index_t H, index_t W)
{
    const index_t k = blockIdx.x / C;
    const index_t c = blockIdx.x % C;
    const int* box = boxes + 5 * k;
    const index_t at = (index_t)blockIdx.y * blockDim.x + threadIdx.x;
    if (k >= K || at >= A || at >= (index_t)box[3] * box[4]) return;
    const index_t row = box[1] + at / box[4];
    const index_t column = box[2] + at % box[4];
    const index_t e = ((box[0] * C + c) * H + row) * W + column;
    const PhiloxBlock words = philox(key, (u32)(e / 2), sample, epoch, purpose);
    const double r = sqrt(-2 * log(1 - uniform_double(words.x[0], words.x[1])));
    const double v = 2 * uniform_double(words.x[2], words.x[3]);
    store(&x[e], (acc_t)(r * (e % 2 == 0 ? cospi(v) : sinpi(v))));
}
