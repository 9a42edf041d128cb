// AddInPlace: adds one array into another, as the tape does with the gradients of a tensor that is used twice.
//   sum_i = sum_i + term_i
// Shapes   sum, term of N elements each. Any N >= 1.
// Types    scalar_t; added in acc_t, rounded once.
// Builds   f64 f32 bf16
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements of 16 bytes; *_scalar: W = 1.
// Cost     add_in_place: 3*N*sizeof(scalar_t) bytes, N FLOPs
//          add_in_place_scalar: 3*N*sizeof(scalar_t) bytes, N FLOPs
#include "common/map.cuh"

// term may be sum, so neither is __restrict__.
extern "C" __global__ void add_in_place(scalar_t* sum, const scalar_t* term, index_t N)
{
    map<kPackWidth>(sum, sum, term, N, [](acc_t a, acc_t b) { return a + b; });
}

extern "C" __global__ void add_in_place_scalar(scalar_t* sum, const scalar_t* term, index_t N)
{
    map<1>(sum, sum, term, N, [](acc_t a, acc_t b) { return a + b; });
}
