// SgdStep: gradient descent with momentum, all parameters in one launch.
//   mu <- momentum mu + g + decay p;  p <- p - rate mu
// Shapes   a table of slots, each with p, g, mu of one shape; N elements together.
// Types    p, g, mu scalar_t; all numbers acc_t.
// Builds   f64 f32
// Launch   block 256; one block for every 4096 elements of a slot (common/slots.cuh).
// Cost     sgd_step: 5*N*sizeof(scalar_t) bytes, 7*N FLOPs
// Source   MoCo v3's reference keeps the rate outside of mu: arXiv:2104.02057.
#include "common/momentum.cuh"

extern "C" __global__ void __launch_bounds__(256) sgd_step(
    const Slot* __restrict__ slots, acc_t rate, acc_t momentum, acc_t decay, int count, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    MomentumStep step = {rate, momentum, decay, acc_t(1)};
    for_each_of_slot(slot, blockIdx.x, step);
}
