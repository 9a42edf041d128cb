// Concat: arrays joined along one axis; a launch for each of them.
//   y_b,s+i = x_b,i    for i of x's part of the axis, which begins at s
// Shapes   x [B, L], y [B, Y]: L and Y are lengths of the axis times the elements of one index. y points at s already.
//          Any B, L >= 1.
// Types    any, as bits.
// Builds   bytes8 bytes4 bytes2 bytes1
// Launch   block 256, grid ceil(B * L / (256 W)): one thread for the W elements of 16 bytes, if x, y, L and Y are whole
//          packs; *_scalar: W = 1.
// Cost     concat: 2*B*L*sizeof(element_t) bytes, 0 FLOPs
//          concat_scalar: 2*B*L*sizeof(element_t) bytes, 0 FLOPs
#include "common/copy_axis.cuh"

extern "C" __global__ void concat(
    element_t* __restrict__ y, const element_t* __restrict__ x, index_t B, index_t L, index_t Y)
{
    copy_axis<kElementPack>(y, x, B, L, Y, L);
}

extern "C" __global__ void concat_scalar(
    element_t* __restrict__ y, const element_t* __restrict__ x, index_t B, index_t L, index_t Y)
{
    copy_axis<1>(y, x, B, L, Y, L);
}
