// slots.cuh: many parameters in one launch. A table in device memory has an entry for each; a block looks up whose chunk of
// elements is its own. The host's side is src/CudaViT.Cuda/Memory/SlotTables.cs.
#pragma once
#include "common/reduce.cuh"
#include "common/scalar.cuh"

constexpr int kSlotThreads = 256;
constexpr index_t kSlotChunk = 4096; // elements of a block; part of the bits of sums

// An array, or a parameter with all that belongs to it, of count elements each.
struct Slot {
    scalar_t* parameter;
    const scalar_t* gradient;
    scalar_t* first;
    scalar_t* second;
    index_t count;
    index_t first_block; // of its chunks, in the launch
    index_t packed;      // whether all of its arrays start at multiples of 16 bytes
    index_t index;       // in the caller's list
};

// Reads an entry. The compiler cannot see where addresses from memory point, so it is told: into global memory.
__device__ __forceinline__ Slot read_slot(const Slot* slots, int i)
{
    Slot slot = slots[i];
    slot.parameter = as_global(slot.parameter);
    slot.gradient = as_global(slot.gradient);
    slot.first = as_global(slot.first);
    slot.second = as_global(slot.second);
    return slot;
}

// The slot that a block works for: the last one that begins at or before it.
__device__ __forceinline__ int slot_of(const Slot* slots, int count, index_t block)
{
    int low = 0;
    int high = count;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (slots[middle].first_block <= block) low = middle;
        else high = middle;
    }
    return low;
}

// Calls work.at<W>(slot, i) for runs [i, i + W) of this block's elements: packs first, then what is left one by one.
template <class Work>
__device__ __forceinline__ void for_each_of_slot(const Slot& slot, index_t block, Work& work)
{
    const index_t begin = (block - slot.first_block) * kSlotChunk;
    const index_t end = begin + kSlotChunk < slot.count ? begin + kSlotChunk : slot.count;
    const index_t whole = slot.packed ? end - (end - begin) % kPackWidth : begin;
    for (index_t i = begin + threadIdx.x * kPackWidth; i < whole; i += kSlotThreads * kPackWidth) {
        work.template at<kPackWidth>(slot, i);
    }
    for (index_t i = whole + threadIdx.x; i < end; i += kSlotThreads) work.template at<1>(slot, i);
}

// W neighbours in registers, as acc_t.
template <int W>
struct Values {
    acc_t v[W];

    __device__ __forceinline__ explicit Values(const scalar_t* p)
    {
        const Pack<scalar_t, W> pack = *(const Pack<scalar_t, W>*)p;
#pragma unroll
        for (int w = 0; w < W; w++) v[w] = load(&pack.v[w]);
    }

    __device__ __forceinline__ void write(scalar_t* p) const
    {
        Pack<scalar_t, W> pack;
#pragma unroll
        for (int w = 0; w < W; w++) store(&pack.v[w], v[w]);
        store_pack(p, pack);
    }
};

// First stage of a sum over each slot: the block's part. All threads call this together.
__device__ __forceinline__ void write_partial(double* partial, double sum)
{
    sum = block_sum(sum);
    if (threadIdx.x == 0) *partial = sum;
}

// Second stage: the sum of a slot's partials, in every thread of a block that has nothing else to do.
__device__ __forceinline__ double sum_of_partials(const double* partials, const Slot& slot)
{
    const index_t blocks = (slot.count + kSlotChunk - 1) / kSlotChunk;
    double sum = 0;
    for (index_t i = threadIdx.x; i < blocks; i += kSlotThreads) sum += partials[slot.first_block + i];
    return block_sum(sum);
}
