// adam.cuh: the averages that AdamW and LAMB share, and the direction that they give.
//   u <- beta1 u + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2;  direction = u / c1 / (sqrt(v / c2) + eps)
#pragma once
#include "common/scalar.cuh"

struct Adam {
    acc_t keep1, take1; // beta1, 1 - beta1
    acc_t keep2, take2; // beta2, 1 - beta2
    acc_t scale1;       // 1 / c1 = 1 / (1 - beta1^t)
    acc_t scale2;       // 1 / sqrt(c2) = 1 / sqrt(1 - beta2^t)
    acc_t epsilon;

    __device__ __forceinline__ void average(acc_t& u, acc_t& v, acc_t g) const
    {
        u = keep1 * u + take1 * g;
        v = keep2 * v + take2 * (g * g);
    }

    __device__ __forceinline__ acc_t direction(acc_t u, acc_t v) const
    {
        return scale1 * u / (sqrt(v) * scale2 + epsilon);
    }
};
