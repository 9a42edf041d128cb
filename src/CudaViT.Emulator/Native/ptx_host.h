// ptx_host.h: the host's variant of every helper in kernels/common/ptx.cuh, with the same names and meanings.
#pragma once

#define DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(emulator_dynamic_shared())

EMULATOR_INLINE float from_bf16(bf16 b) { return __uint_as_float((u32)b.bits << 16); }

EMULATOR_INLINE bf16 to_bf16(float x)
{
    const u32 bits = __float_as_uint(x);
    if (x != x) return bf16{0x7fff}; // the one NaN that the instruction returns
    return bf16{(u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

EMULATOR_INLINE u32 pack_bf16(float lo, float hi) { return to_bf16(lo).bits | (u32)to_bf16(hi).bits << 16; }

EMULATOR_INLINE void mma_m16n8k16_bf16(float d[4], const u32 a[4], const u32 b[2], EMULATOR_HERE)
{
    emulator_mma_m16n8k16_bf16(d, a, b, file, line);
}

EMULATOR_INLINE void ldmatrix_x4(u32 r[4], const void* row, EMULATOR_HERE)
{
    emulator_ldmatrix(r, row, 4, 0, file, line);
}

EMULATOR_INLINE void ldmatrix_x4_trans(u32 r[4], const void* row, EMULATOR_HERE)
{
    emulator_ldmatrix(r, row, 4, 1, file, line);
}

EMULATOR_INLINE void ldmatrix_x2(u32 r[2], const void* row, EMULATOR_HERE)
{
    emulator_ldmatrix(r, row, 2, 0, file, line);
}

EMULATOR_INLINE void ldmatrix_x2_trans(u32 r[2], const void* row, EMULATOR_HERE)
{
    emulator_ldmatrix(r, row, 2, 1, file, line);
}

EMULATOR_INLINE void cp_async_16(void* shared, const void* global) { emulator_async_copy(shared, global, 16); }
EMULATOR_INLINE void cp_async_commit() { emulator_async_commit(); }
template <int N> EMULATOR_INLINE void cp_async_wait() { emulator_async_wait(N); }

EMULATOR_INLINE void store_16_bytes(void* p, const u32 words[4])
{
    *(uint4*)p = make_uint4(words[0], words[1], words[2], words[3]);
}

template <class T>
EMULATOR_INLINE T* as_global(T* p) { return p; }

template <class T>
EMULATOR_UNCHECKED __attribute__((noinline)) T load_from_other_block(const T* p)
{
    emulator_read_of_other_block(p, sizeof(T), __builtin_return_address(0));
    return *(const volatile T*)p;
}
