// LambStep: AdamW's direction scaled to each parameter's own length, all parameters in three launches.
//   lamb_average: u <- beta1 u + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;  sums of p^2 and of w^2, by blocks, with
//                 w = u / c1 / (sqrt(v / c2) + eps) + decay p
//   lamb_ratio:   r = |p| / |w|, or 1 where a norm is 0
//   lamb_apply:   p <- p - rate * r * w
// Shapes   a table of slots, each with p, g, u, v of one shape; N elements together; partials [2, blocks]; ratios [slots].
// Types    p, g, u, v scalar_t; numbers acc_t; sums, partials and ratios double.
// Builds   f64 f32
// Launch   block 256; lamb_average and lamb_apply: one block for every 4096 elements of a slot (common/slots.cuh);
//          lamb_ratio: one block for every slot.
// Cost     lamb_average: 6*N*sizeof(scalar_t) + 2*blocks*sizeof(double) bytes, 20*N FLOPs
//          lamb_ratio: 2*blocks*sizeof(double) bytes, 2*blocks FLOPs
//          lamb_apply: 4*N*sizeof(scalar_t) bytes, 12*N FLOPs
// Source   Y. You et al., arXiv:1904.00962.
#include "common/adam.cuh"
#include "common/slots.cuh"

namespace {

struct Average {
    Adam adam;
    acc_t decay;
    double parameters, steps; // sums of squares

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> g(slot.gradient + i);
        const Values<W> p(slot.parameter + i);
        Values<W> u(slot.first + i);
        Values<W> v(slot.second + i);
#pragma unroll
        for (int w = 0; w < W; w++) {
            adam.average(u.v[w], v.v[w], g.v[w]);
            const double step = adam.direction(u.v[w], v.v[w]) + decay * p.v[w];
            const double parameter = p.v[w];
            parameters += parameter * parameter;
            steps += step * step;
        }
        u.write(slot.first + i);
        v.write(slot.second + i);
    }
};

struct Apply {
    Adam adam;
    acc_t rate, decay;

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> u(slot.first + i);
        const Values<W> v(slot.second + i);
        Values<W> p(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) p.v[w] -= rate * (adam.direction(u.v[w], v.v[w]) + decay * p.v[w]);
        p.write(slot.parameter + i);
    }
};

} // namespace

extern "C" __global__ void __launch_bounds__(256) lamb_average(
    double* __restrict__ partials, const Slot* __restrict__ slots, acc_t decay, acc_t keep1, acc_t take1, acc_t keep2,
    acc_t take2, acc_t scale1, acc_t scale2, acc_t epsilon, int count, index_t blocks, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    Average average = {{keep1, take1, keep2, take2, scale1, scale2, epsilon}, decay, 0, 0};
    for_each_of_slot(slot, blockIdx.x, average);
    write_partial(&partials[blockIdx.x], average.parameters);
    write_partial(&partials[blocks + blockIdx.x], average.steps);
}

extern "C" __global__ void __launch_bounds__(256) lamb_ratio(
    double* __restrict__ ratios, const double* __restrict__ partials, const Slot* __restrict__ slots, index_t blocks)
{
    const Slot slot = slots[blockIdx.x];
    const double parameter = sqrt(sum_of_partials(partials, slot));
    const double step = sqrt(sum_of_partials(partials + blocks, slot));
    if (threadIdx.x == 0) ratios[blockIdx.x] = parameter > 0 && step > 0 ? parameter / step : 1;
}

extern "C" __global__ void __launch_bounds__(256) lamb_apply(
    const Slot* __restrict__ slots, const double* __restrict__ ratios, acc_t rate, acc_t decay, acc_t scale1, acc_t scale2,
    acc_t epsilon, int count, index_t N)
{
    const int s = slot_of(slots, count, blockIdx.x);
    const Slot slot = read_slot(slots, s);
    Apply apply = {{0, 0, 0, 0, scale1, scale2, epsilon}, acc_t(rate * ratios[s]), decay};
    for_each_of_slot(slot, blockIdx.x, apply);
}
