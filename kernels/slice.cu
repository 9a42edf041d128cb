// Slice: a range of one axis. Forward and backward.
//   y_b,i  = x_b,s+i
//   dx_b,j = dy_b,j-s where that lies within dy, else 0
// Shapes   x, dx [B, X], y, dy [B, L]: lengths of the axis times the elements of one index; so is S, for s.
//          Forward, x points at s already. Any B, L >= 1; backward also L = 0.
// Types    any, as bits; 0 is all bits clear.
// Builds   bytes8 bytes4 bytes2 bytes1
// Launch   block 256, grid ceil(B * L / (256 W)), backward ceil(B * X / (256 W)): one thread for the W elements of 16 bytes,
//          if all addresses, X, L and S are whole packs; *_scalar: W = 1.
// Cost     slice_forward: 2*B*L*sizeof(element_t) bytes, 0 FLOPs
//          slice_forward_scalar: 2*B*L*sizeof(element_t) bytes, 0 FLOPs
//          slice_backward: B*(L + X)*sizeof(element_t) bytes, 0 FLOPs
//          slice_backward_scalar: B*(L + X)*sizeof(element_t) bytes, 0 FLOPs
#include "common/copy_axis.cuh"

template <int N>
__device__ __forceinline__ void embed(
    element_t* __restrict__ dx, const element_t* __restrict__ dy, index_t B, index_t L, index_t X, index_t S)
{
    const index_t packs = X / N;
    const index_t thread = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    const index_t block = thread / packs;
    const index_t at = thread % packs * N;
    if (block >= B) return;
    Pack<element_t, N> pack = {};
    if (at >= S && at < S + L) pack = *(const Pack<element_t, N>*)(dy + block * L + at - S);
    store_pack(dx + block * X + at, pack);
}

extern "C" __global__ void slice_forward(
    element_t* __restrict__ y, const element_t* __restrict__ x, index_t B, index_t L, index_t X)
{
    copy_axis<kElementPack>(y, x, B, L, L, X);
}

extern "C" __global__ void slice_forward_scalar(
    element_t* __restrict__ y, const element_t* __restrict__ x, index_t B, index_t L, index_t X)
{
    copy_axis<1>(y, x, B, L, L, X);
}

extern "C" __global__ void slice_backward(
    element_t* __restrict__ dx, const element_t* __restrict__ dy, index_t B, index_t L, index_t X, index_t S)
{
    embed<kElementPack>(dx, dy, B, L, X, S);
}

extern "C" __global__ void slice_backward_scalar(
    element_t* __restrict__ dx, const element_t* __restrict__ dy, index_t B, index_t L, index_t X, index_t S)
{
    embed<1>(dx, dy, B, L, X, S);
}
