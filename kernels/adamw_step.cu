// AdamWStep: Adam with decoupled weight decay, all parameters in one launch.
//   u <- beta1 u + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2
//   p <- shrink p - rate * u / c1 / (sqrt(v / c2) + eps)    with shrink = 1 - rate * decay, c = 1 - beta^t
// Shapes   a table of slots, each with p, g, u, v of one shape; N elements together.
// Types    p, g, u, v scalar_t; all numbers acc_t.
// Builds   f64 f32
// Launch   block 256; one block for every 4096 elements of a slot (common/slots.cuh).
// Cost     adamw_step: 7*N*sizeof(scalar_t) bytes, 15*N FLOPs
// Source   I. Loshchilov, F. Hutter, arXiv:1711.05101.
#include "common/adam.cuh"
#include "common/slots.cuh"

namespace {

struct Step {
    Adam adam;
    acc_t rate, shrink;

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> g(slot.gradient + i);
        Values<W> u(slot.first + i);
        Values<W> v(slot.second + i);
        Values<W> p(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) {
            adam.average(u.v[w], v.v[w], g.v[w]);
            p.v[w] = shrink * p.v[w] - rate * adam.direction(u.v[w], v.v[w]);
        }
        u.write(slot.first + i);
        v.write(slot.second + i);
        p.write(slot.parameter + i);
    }
};

} // namespace

extern "C" __global__ void __launch_bounds__(256) adamw_step(
    const Slot* __restrict__ slots, acc_t rate, acc_t shrink, acc_t keep1, acc_t take1, acc_t keep2, acc_t take2,
    acc_t scale1, acc_t scale2, acc_t epsilon, int count, index_t N)
{
    const Slot slot = read_slot(slots, slot_of(slots, count, blockIdx.x));
    Step step = {{keep1, take1, keep2, take2, scale1, scale2, epsilon}, rate, shrink};
    for_each_of_slot(slot, blockIdx.x, step);
}
