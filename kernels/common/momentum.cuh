// momentum.cuh: the step that SGD and LARS share.
//   mu <- momentum mu + scale (g + decay p);  p <- p - rate mu
#pragma once
#include "common/slots.cuh"

struct MomentumStep {
    acc_t rate, momentum, decay, scale;

    template <int W>
    __device__ __forceinline__ void at(const Slot& slot, index_t i)
    {
        const Values<W> g(slot.gradient + i);
        Values<W> mu(slot.first + i);
        Values<W> p(slot.parameter + i);
#pragma unroll
        for (int w = 0; w < W; w++) {
            mu.v[w] = momentum * mu.v[w] + scale * (g.v[w] + decay * p.v[w]);
            p.v[w] -= rate * mu.v[w];
        }
        mu.write(slot.first + i);
        p.write(slot.parameter + i);
    }
};
