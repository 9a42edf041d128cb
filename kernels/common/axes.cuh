// axes.cuh: a walk over several axes with two operands, as src/CudaViT.Cuda/Maps/Axes.cs plans it: axes of length 1 are
// gone, and neighbours that both operands pass in one go are one axis.
#pragma once
#include "common/scalar.cuh"

constexpr int kMaxAxes = 8;

// Innermost axis first. Strides count elements; 0 where an operand is stretched.
struct Axes {
    index_t rank;
    index_t size[kMaxAxes];
    index_t a[kMaxAxes];
    index_t b[kMaxAxes];
};

struct Offsets {
    index_t a, b;
};

// Where both operands stand at step i of the walk.
__device__ __forceinline__ Offsets offsets(const Axes& axes, index_t i)
{
    Offsets at = {0, 0};
    for (int k = 0; k < axes.rank; k++) {
        const index_t next = i / axes.size[k];
        const index_t index = i - next * axes.size[k];
        at.a += index * axes.a[k];
        at.b += index * axes.b[k];
        i = next;
    }
    return at;
}
