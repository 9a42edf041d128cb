// scalar.cuh: the types of one compilation. Every kernel includes this header, and nothing but the project's own.
//
// The host compiles a file once per build and says which by a macro:
//   SCALAR_F64, SCALAR_F32, SCALAR_BF16   scalar_t is that type, acc_t the type of sums over it (double, float, float)
//   SCALAR_I64, SCALAR_I32, SCALAR_U8     scalar_t is that integer; acc_t is absent
//   ELEMENT_BYTES = 1, 2, 4, 8            element_t is any type of that size, for kernels that only move elements
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long index_t; // element offsets and sizes: always 64 bits, always signed

constexpr int kWarpSize = 32;
constexpr u32 kFullWarp = 0xffffffffu;

// bfloat16 is a storage type: the upper half of a float.
struct bf16 {
    u16 bits;
};

#include "common/ptx.cuh"

#if defined(SCALAR_F64)
typedef double scalar_t;
typedef double acc_t;
#elif defined(SCALAR_F32)
typedef float scalar_t;
typedef float acc_t;
#elif defined(SCALAR_BF16)
typedef bf16 scalar_t;
typedef float acc_t;
#elif defined(SCALAR_I64)
typedef long long scalar_t;
#elif defined(SCALAR_I32)
typedef int scalar_t;
#elif defined(SCALAR_U8)
typedef u8 scalar_t;
#endif

#if defined(ELEMENT_BYTES)
#if ELEMENT_BYTES == 8
typedef u64 element_t;
#elif ELEMENT_BYTES == 4
typedef u32 element_t;
#elif ELEMENT_BYTES == 2
typedef u16 element_t;
#else
typedef u8 element_t;
#endif
#endif

// load and store join what stands in memory to what is computed with.
__device__ __forceinline__ double load(const double* p) { return *p; }
__device__ __forceinline__ float load(const float* p) { return *p; }
__device__ __forceinline__ float load(const bf16* p) { return from_bf16(*p); }
__device__ __forceinline__ void store(double* p, double v) { *p = v; }
__device__ __forceinline__ void store(float* p, float v) { *p = v; }
__device__ __forceinline__ void store(bf16* p, float v) { *p = to_bf16(v); }

// N neighbours that one access of up to 16 bytes moves. The address must be a multiple of the pack's size; launchers
// check that once and otherwise choose the scalar path.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
    T v[N];
};

// Writes a pack to global memory in one access. (Reading one needs no helper: *(const Pack<T, N>*)p does.)
template <class T, int N>
__device__ __forceinline__ void store_pack(T* p, const Pack<T, N>& pack)
{
#ifndef CUDAVIT_EMULATED
    if (sizeof(pack) == 16) {
        u32 words[4];
        memcpy(words, &pack, sizeof(words));
        store_16_bytes(p, words);
        return;
    }
#endif
    *(Pack<T, N>*)p = pack;
}

#if defined(SCALAR_F64) || defined(SCALAR_F32) || defined(SCALAR_BF16)
constexpr int kPackWidth = 16 / sizeof(scalar_t); // elements in 16 bytes: 2, 4 or 8
typedef Pack<scalar_t, kPackWidth> pack_t;

__device__ __forceinline__ acc_t acc_infinity() { return acc_t(1) / acc_t(0); }
__device__ __forceinline__ acc_t acc_nan() { return acc_t(0) / acc_t(0); }
#endif
