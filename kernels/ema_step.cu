// EmaStep: an exponential moving average of every parameter, in one launch.
//   average <- average + take * (source - average)    exact where the two are equal, unlike keep * average + take * source
// Shapes   a table of slots, each with an average (its parameter) and a source (its gradient) of one shape; N elements together.
// Types    scalar_t; take acc_t.
// Builds   f64 f32
// Launch   block 256; one block for every 4096 elements of a slot (common/slots.cuh).
// Cost     ema_step: 3*N*sizeof(scalar_t) bytes, 3*N FLOPs
// Source   MoCo v3, arXiv:2104.02057, algorithm 1.
#include "common/slots.cuh"

namespace {

struct Step {
    acc_t take;

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> source(slot.gradient + i);
        Values<W> average(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) average.v[w] += take * (source.v[w] - average.v[w]);
        average.write(slot.parameter + i);
    }
};

} // namespace

extern "C" __global__ void __launch_bounds__(256) ema_step(
    const Slot* __restrict__ slots, acc_t take, int count, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    Step step = {take};
    for_each_of_slot(slot, blockIdx.x, step);
}
