// random.cuh: Philox4x32-10, the same numbers as src/CudaViT.Core/Random: a pure function of key and counter.
//   Source  J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11.
#pragma once
#include "common/scalar.cuh"

struct PhiloxBlock {
    u32 x[4];
};

// counter = (block, sample, epoch, purpose): see RandomStream.
__device__ __forceinline__ PhiloxBlock philox(u64 key, u32 block, u32 sample, u32 epoch, u32 purpose)
{
    u32 x0 = block, x1 = sample, x2 = epoch, x3 = purpose;
    u32 key0 = (u32)key, key1 = (u32)(key >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const u64 product0 = (u64)0xD2511F53u * x0;
        const u64 product1 = (u64)0xCD9E8D57u * x2;
        x0 = (u32)(product1 >> 32) ^ x1 ^ key0;
        x1 = (u32)product1;
        x2 = (u32)(product0 >> 32) ^ x3 ^ key1;
        x3 = (u32)product0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return PhiloxBlock{{x0, x1, x2, x3}};
}

// A word as a float uniform in [0, 1): its upper 24 bits.
__device__ __forceinline__ float uniform_float(u32 word) { return (word >> 8) * (1.0f / (1 << 24)); }

// Two words as a double uniform in [0, 1): the upper 53 bits of both, the low word first.
__device__ __forceinline__ double uniform_double(u32 low, u32 high)
{
    return (double)((((u64)high << 32) | low) >> 11) * (1.0 / (double)(1ull << 53));
}
