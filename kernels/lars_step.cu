// LarsStep: gradients scaled to each parameter's own length, then momentum; all parameters in three launches.
//   lars_norms: sums of p^2 and of (g + decay p)^2, by blocks
//   lars_ratio: r = trust |p| / |g + decay p|, or 1 where a norm is 0
//   lars_apply: mu <- momentum mu + r (g + decay p);  p <- p - rate mu
// Shapes   a table of slots, each with p, g, mu of one shape; N elements together; partials [2, blocks]; ratios [slots].
// Types    p, g, mu scalar_t; numbers acc_t; sums, partials, trust and ratios double.
// Builds   f64 f32
// Launch   block 256; lars_norms and lars_apply: one block for every 4096 elements of a slot (common/slots.cuh);
//          lars_ratio: one block for every slot.
// Cost     lars_norms: 2*N*sizeof(scalar_t) + 2*blocks*sizeof(double) bytes, 6*N FLOPs
//          lars_ratio: 2*blocks*sizeof(double) bytes, 2*blocks FLOPs
//          lars_apply: 5*N*sizeof(scalar_t) bytes, 8*N FLOPs
// Source   Y. You, I. Gitman, B. Ginsburg, arXiv:1708.03888.
#include "common/momentum.cuh"

namespace {

struct Norms {
    acc_t decay;
    double parameters, gradients; // sums of squares

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> g(slot.gradient + i);
        const Values<W> p(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) {
            const double gradient = g.v[w] + decay * p.v[w];
            const double parameter = p.v[w];
            parameters += parameter * parameter;
            gradients += gradient * gradient;
        }
    }
};

} // namespace

extern "C" __global__ void __launch_bounds__(256) lars_norms(
    double* __restrict__ partials, const Slot* __restrict__ slots, acc_t decay, int count, index_t blocks, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    Norms norms = {decay, 0, 0};
    for_each_of_slot(slot, blockIdx.x, norms);
    write_partial(&partials[blockIdx.x], norms.parameters);
    write_partial(&partials[blocks + blockIdx.x], norms.gradients);
}

extern "C" __global__ void __launch_bounds__(256) lars_ratio(
    double* __restrict__ ratios, const double* __restrict__ partials, const Slot* __restrict__ slots, acc_t trust,
    index_t blocks)
{
    const Slot slot = slots[blockIdx.x];
    const double parameter = sqrt(sum_of_partials(partials, slot));
    const double gradient = sqrt(sum_of_partials(partials + blocks, slot));
    if (threadIdx.x == 0) ratios[blockIdx.x] = parameter > 0 && gradient > 0 ? trust * parameter / gradient : 1;
}

extern "C" __global__ void __launch_bounds__(256) lars_apply(
    const Slot* __restrict__ slots, const double* __restrict__ ratios, acc_t rate, acc_t momentum, acc_t decay, int count,
    index_t N)
{
    const int s = slot_of(slots, count, blockIdx.x);
    const Slot slot = read_slot(slots, s);
    MomentumStep step = {rate, momentum, decay, acc_t(ratios[s])};
    for_each_of_slot(slot, blockIdx.x, step);
}
