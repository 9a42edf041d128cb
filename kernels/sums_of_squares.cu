// SumsOfSquares: the squared length of every array, all of them in two launches.
//   sums_of_squares:        partial_b = sum of x^2 over the block's elements
//   sums_of_squares_reduce: sum = partial_0 + partial_1 + ...
// Shapes   a table of slots, each with an array (its parameter); N elements together; partials [blocks]; sums [all arrays].
// Types    x scalar_t; squares, partials and sums double.
// Builds   f64 f32
// Launch   block 256; one block for every 4096 elements of a slot (common/slots.cuh), then one block for every slot.
// Cost     sums_of_squares: N*sizeof(scalar_t) + blocks*sizeof(double) bytes, 2*N FLOPs
//          sums_of_squares_reduce: blocks*sizeof(double) bytes, blocks FLOPs
// Source   none needed.
#include "common/slots.cuh"

namespace {

struct Squares {
    double sum;

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> x(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) {
            const double v = x.v[w];
            sum += v * v;
        }
    }
};

} // namespace

extern "C" __global__ void __launch_bounds__(256) sums_of_squares(
    double* __restrict__ partials, const Slot* __restrict__ slots, int count, index_t blocks, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    Squares squares = {0};
    for_each_of_slot(slot, blockIdx.x, squares);
    write_partial(&partials[blockIdx.x], squares.sum);
}

extern "C" __global__ void __launch_bounds__(256) sums_of_squares_reduce(
    double* __restrict__ sums, const double* __restrict__ partials, const Slot* __restrict__ slots, index_t blocks)
{
    const Slot slot = slots[blockIdx.x];
    const double sum = sum_of_partials(partials, slot);
    if (threadIdx.x == 0) sums[slot.index] = sum;
}
