// ptx.cuh: the one header with inline PTX, one small helper for each instruction. The emulator's shim gives each a host
// variant of the same meaning (src/CudaViT.Emulator/Native/ptx_host.h), and a test compares the two on a GPU.
//   Source  PTX ISA 8.4: sections 9.7.9.21 (cvt), 9.7.13 (mma, ldmatrix), 9.7.8.24 (cp.async).
#pragma once

#ifdef CUDAVIT_EMULATED
#include "ptx_host.h"
#else

// Memory that the launch sized: one array per kernel, carved up by hand.
#define DYNAMIC_SHARED(T, name)                                          \
    extern __shared__ __align__(128) unsigned char dynamic_shared_[];    \
    T* name = reinterpret_cast<T*>(dynamic_shared_)

__device__ __forceinline__ float from_bf16(bf16 b) { return __uint_as_float(((u32)b.bits) << 16); }

// Rounds to nearest even; NaN stays NaN.
__device__ __forceinline__ bf16 to_bf16(float x)
{
    bf16 b;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(b.bits) : "f"(x));
    return b;
}

// Two values rounded into one register: lo in bits 0-15, hi in bits 16-31.
__device__ __forceinline__ u32 pack_bf16(float lo, float hi)
{
    u32 r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

// The address of shared memory as the 32-bit number that ldmatrix and cp.async take.
__device__ __forceinline__ u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

// d[16,8] += a[16,16] * b[16,8], bf16 operands, float sums; fragments as in the PTX manual (m16n8k16).
__device__ __forceinline__ void mma_m16n8k16_bf16(float d[4], const u32 a[4], const u32 b[2])
{
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8x8 tiles of 16-bit elements; lanes 8i to 8i+7 name the 16-byte aligned rows of tile i.
__device__ __forceinline__ void ldmatrix_x4(u32 r[4], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// As ldmatrix_x4, each tile transposed.
__device__ __forceinline__ void ldmatrix_x4_trans(u32 r[4], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// Two 8x8 tiles; lanes 0 to 15 name the rows, the other lanes' addresses are ignored.
__device__ __forceinline__ void ldmatrix_x2(u32 r[2], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}

// As ldmatrix_x2, each tile transposed.
__device__ __forceinline__ void ldmatrix_x2_trans(u32 r[2], const void* row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
}

// Copies 16 bytes from global to shared memory without passing through registers. Both addresses are multiples of 16.
__device__ __forceinline__ void cp_async_16(void* shared, const void* global)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(global) : "memory");
}

// Closes the group of copies begun since the last call.
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most N groups of this thread are pending. Other threads see the data after a barrier.
template <int N>
__device__ __forceinline__ void cp_async_wait()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Writes 16 bytes of global memory at once. A plain assignment in a loop may come out as four: when the compiler turns the
// address into a running one, it forgets how it was aligned.
__device__ __forceinline__ void store_16_bytes(void* p, const u32 words[4])
{
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(words[0]), "r"(words[1]), "r"(words[2]),
                 "r"(words[3])
                 : "memory");
}

// The same address, known to point into global memory.
template <class T>
__device__ __forceinline__ T* as_global(T* p)
{
    __builtin_assume(__isGlobal(p));
    return p;
}

// Reads what another block of this launch has written, past the caches that do not see it.
__device__ __forceinline__ float load_from_other_block(const float* p) { return *(const volatile float*)p; }
__device__ __forceinline__ double load_from_other_block(const double* p) { return *(const volatile double*)p; }

#endif
