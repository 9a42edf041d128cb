// Patchify: cuts images into square patches, each laid out as a row; Unpatchify puts them together. Each is the other's
// gradient.
//   patches[b, i (W/P) + j, (c P + r) P + s] = images[b, c, i P + r, j P + s]
// Shapes   images [B, C, H, W], patches [B, H/P * W/P, C*P*P], N elements each; P divides H and W. Any N >= 1.
// Types    any, as bits.
// Builds   bytes8 bytes4 bytes2 bytes1
// Launch   block 256, grid ceil(N / (256 E)): one thread for the E elements of 16 bytes, if both addresses and P are whole
//          packs; *_scalar: E = 1.
// Cost     patchify: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          patchify_scalar: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          unpatchify: 2*N*sizeof(element_t) bytes, 0 FLOPs
//          unpatchify_scalar: 2*N*sizeof(element_t) bytes, 0 FLOPs
// Source   A. Dosovitskiy et al., arXiv:2010.11929, section 3.1.
#include "common/move.cuh"

// Where element i of the patches stands in the images.
__device__ __forceinline__ index_t in_image(index_t i, index_t C, index_t H, index_t W, index_t P)
{
    const index_t column = i % P;
    i /= P;
    const index_t row = i % P;
    i /= P;
    const index_t channel = i % C;
    i /= C;
    const index_t right = i % (W / P);
    i /= W / P;
    const index_t down = i % (H / P);
    const index_t image = i / (H / P);
    return ((image * C + channel) * H + down * P + row) * W + right * P + column;
}

template <int E>
__device__ __forceinline__ index_t first_of_thread()
{
    return ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * E;
}

extern "C" __global__ void patchify(
    element_t* __restrict__ patches, const element_t* __restrict__ images,
    index_t N, index_t C, index_t H, index_t W, index_t P)
{
    const index_t i = first_of_thread<kElementPack>();
    if (i < N) move<kElementPack>(patches + i, images + in_image(i, C, H, W, P));
}

extern "C" __global__ void patchify_scalar(
    element_t* __restrict__ patches, const element_t* __restrict__ images,
    index_t N, index_t C, index_t H, index_t W, index_t P)
{
    const index_t i = first_of_thread<1>();
    if (i < N) patches[i] = images[in_image(i, C, H, W, P)];
}

extern "C" __global__ void unpatchify(
    element_t* __restrict__ images, const element_t* __restrict__ patches,
    index_t N, index_t C, index_t H, index_t W, index_t P)
{
    const index_t i = first_of_thread<kElementPack>();
    if (i < N) move<kElementPack>(images + in_image(i, C, H, W, P), patches + i);
}

extern "C" __global__ void unpatchify_scalar(
    element_t* __restrict__ images, const element_t* __restrict__ patches,
    index_t N, index_t C, index_t H, index_t W, index_t P)
{
    const index_t i = first_of_thread<1>();
    if (i < N) images[in_image(i, C, H, W, P)] = patches[i];
}
