// cuda_shim.h: the kernel language for a host compiler. Included before a .cu file; only what NVRTC provides without
// any header belongs here, with the same meaning.
//
// Arithmetic follows the device: -ffp-contract=fast fuses a * b + c as nvcc does by default, and the _rn intrinsics
// keep an operation from being fused. Fast intrinsics (__expf and the like) are computed exactly.
#pragma once
#define CUDAVIT_EMULATED 1
#include "interface.h"

// ---- qualifiers ----

// A kernel must not be inlined into the table of calls, whose code no sanitizer watches.
#define __global__ __attribute__((noinline))
#define __device__
#define __host__
#define __constant__ static const
// A block runs on one native thread, so its static shared memory is that thread's own. The module's thread-local
// segment then holds nothing but shared memory, which is how the runtime finds it.
#define __shared__ static thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))

typedef __SIZE_TYPE__ size_t;

#define EMULATOR_INLINE static inline __attribute__((always_inline, unused))
#define EMULATOR_UNCHECKED __attribute__((no_sanitize_thread, no_sanitize("undefined")))
#define EMULATOR_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

// ---- places ----

struct uint3 {
    unsigned x, y, z;
};

struct dim3 {
    unsigned x, y, z;
};

EMULATOR_INLINE uint3 emulator_place(unsigned long long packed)
{
    return uint3{(unsigned)packed, (unsigned)(packed >> 32 & 0xffff), (unsigned)(packed >> 48)};
}

#define threadIdx (emulator_place(emulator_thread_index()))
#define blockIdx (emulator_place(emulator_block_index()))
#define blockDim (emulator_place(emulator_block_size()))
#define gridDim (emulator_place(emulator_grid_size()))
constexpr int warpSize = 32;

// ---- vectors ----

#define EMULATOR_VECTOR2(name, type, alignment)                                                       \
    struct __align__(alignment) name {                                                                \
        type x, y;                                                                                    \
    };                                                                                                \
    EMULATOR_INLINE name make_##name(type x, type y) { return name{x, y}; }
#define EMULATOR_VECTOR4(name, type, alignment)                                                       \
    struct __align__(alignment) name {                                                                \
        type x, y, z, w;                                                                              \
    };                                                                                                \
    EMULATOR_INLINE name make_##name(type x, type y, type z, type w) { return name{x, y, z, w}; }

EMULATOR_VECTOR2(char2, signed char, 2)
EMULATOR_VECTOR2(uchar2, unsigned char, 2)
EMULATOR_VECTOR2(short2, short, 4)
EMULATOR_VECTOR2(ushort2, unsigned short, 4)
EMULATOR_VECTOR2(int2, int, 8)
EMULATOR_VECTOR2(uint2, unsigned, 8)
EMULATOR_VECTOR2(longlong2, long long, 16)
EMULATOR_VECTOR2(ulonglong2, unsigned long long, 16)
EMULATOR_VECTOR2(float2, float, 8)
EMULATOR_VECTOR2(double2, double, 16)
EMULATOR_VECTOR4(char4, signed char, 4)
EMULATOR_VECTOR4(uchar4, unsigned char, 4)
EMULATOR_VECTOR4(short4, short, 8)
EMULATOR_VECTOR4(ushort4, unsigned short, 8)
EMULATOR_VECTOR4(int4, int, 16)
EMULATOR_VECTOR4(uint4, unsigned, 16)
EMULATOR_VECTOR4(float4, float, 16)

// ---- bits ----

EMULATOR_INLINE unsigned __float_as_uint(float v) { return __builtin_bit_cast(unsigned, v); }
EMULATOR_INLINE float __uint_as_float(unsigned v) { return __builtin_bit_cast(float, v); }
EMULATOR_INLINE int __float_as_int(float v) { return __builtin_bit_cast(int, v); }
EMULATOR_INLINE float __int_as_float(int v) { return __builtin_bit_cast(float, v); }
EMULATOR_INLINE long long __double_as_longlong(double v) { return __builtin_bit_cast(long long, v); }
EMULATOR_INLINE double __longlong_as_double(long long v) { return __builtin_bit_cast(double, v); }
EMULATOR_INLINE int __popc(unsigned v) { return __builtin_popcount(v); }
EMULATOR_INLINE int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
EMULATOR_INLINE int __ffs(int v) { return __builtin_ffs(v); }
EMULATOR_INLINE int __ffsll(long long v) { return __builtin_ffsll(v); }
EMULATOR_INLINE int __clz(int v) { return v == 0 ? 32 : __builtin_clz((unsigned)v); }
EMULATOR_INLINE int __clzll(long long v) { return v == 0 ? 64 : __builtin_clzll((unsigned long long)v); }
EMULATOR_INLINE unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
EMULATOR_INLINE int __mulhi(int a, int b) { return (int)(((long long)a * b) >> 32); }
EMULATOR_INLINE unsigned long long __umul64hi(unsigned long long a, unsigned long long b)
{
    return (unsigned long long)(((unsigned __int128)a * b) >> 64);
}

// ---- mathematics ----

extern "C" {
double exp(double); double exp2(double); double exp10(double); double expm1(double);
double log(double); double log2(double); double log10(double); double log1p(double);
double sin(double); double cos(double); double tan(double); double tanh(double);
double sinh(double); double cosh(double);
double asin(double); double acos(double); double atan(double); double atan2(double, double);
double erf(double); double erfc(double); double tgamma(double); double lgamma(double);
double sqrt(double); double cbrt(double); double pow(double, double); double hypot(double, double);
double fabs(double); double floor(double); double ceil(double); double trunc(double);
double round(double); double rint(double); double nearbyint(double); double fmod(double, double);
double remainder(double, double); double copysign(double, double);
double fmin(double, double); double fmax(double, double); double fma(double, double, double);
float expf(float); float exp2f(float); float exp10f(float); float expm1f(float);
float logf(float); float log2f(float); float log10f(float); float log1pf(float);
float sinf(float); float cosf(float); float tanf(float); float tanhf(float); float sinhf(float); float coshf(float);
float asinf(float); float acosf(float); float atanf(float); float atan2f(float, float);
float erff(float); float erfcf(float); float tgammaf(float); float lgammaf(float);
float sqrtf(float); float cbrtf(float); float powf(float, float); float hypotf(float, float);
float fabsf(float); float floorf(float); float ceilf(float); float truncf(float);
float roundf(float); float rintf(float); float nearbyintf(float); float fmodf(float, float);
float remainderf(float, float); float copysignf(float, float);
float fminf(float, float); float fmaxf(float, float); float fmaf(float, float, float);
int abs(int); long long llabs(long long);
}

#define EMULATOR_FLOAT1(name) EMULATOR_INLINE float name(float x) { return name##f(x); }
#define EMULATOR_FLOAT2(name) EMULATOR_INLINE float name(float x, float y) { return name##f(x, y); }
EMULATOR_FLOAT1(exp) EMULATOR_FLOAT1(exp2) EMULATOR_FLOAT1(exp10) EMULATOR_FLOAT1(expm1)
EMULATOR_FLOAT1(log) EMULATOR_FLOAT1(log2) EMULATOR_FLOAT1(log10) EMULATOR_FLOAT1(log1p)
EMULATOR_FLOAT1(sin) EMULATOR_FLOAT1(cos) EMULATOR_FLOAT1(tan) EMULATOR_FLOAT1(tanh) EMULATOR_FLOAT1(sinh)
EMULATOR_FLOAT1(cosh) EMULATOR_FLOAT1(asin) EMULATOR_FLOAT1(acos) EMULATOR_FLOAT1(atan) EMULATOR_FLOAT2(atan2)
EMULATOR_FLOAT1(erf) EMULATOR_FLOAT1(erfc) EMULATOR_FLOAT1(tgamma) EMULATOR_FLOAT1(lgamma)
EMULATOR_FLOAT1(sqrt) EMULATOR_FLOAT1(cbrt) EMULATOR_FLOAT2(pow) EMULATOR_FLOAT2(hypot)
EMULATOR_FLOAT1(fabs) EMULATOR_FLOAT1(floor) EMULATOR_FLOAT1(ceil) EMULATOR_FLOAT1(trunc) EMULATOR_FLOAT1(round)
EMULATOR_FLOAT1(rint) EMULATOR_FLOAT1(nearbyint) EMULATOR_FLOAT2(fmod) EMULATOR_FLOAT2(remainder)
EMULATOR_FLOAT2(copysign) EMULATOR_FLOAT2(fmin) EMULATOR_FLOAT2(fmax)
EMULATOR_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
EMULATOR_INLINE float abs(float x) { return fabsf(x); }
EMULATOR_INLINE double abs(double x) { return fabs(x); }
EMULATOR_INLINE long long abs(long long x) { return llabs(x); }
EMULATOR_INLINE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
EMULATOR_INLINE float rsqrt(float x) { return 1.0f / sqrtf(x); }
EMULATOR_INLINE double rsqrt(double x) { return 1.0 / sqrt(x); }
EMULATOR_INLINE double sinpi(double x) { return sin(x * 3.14159265358979323846); }
EMULATOR_INLINE double cospi(double x) { return cos(x * 3.14159265358979323846); }
EMULATOR_INLINE bool isnan(float x) { return __builtin_isnan(x); }
EMULATOR_INLINE bool isnan(double x) { return __builtin_isnan(x); }
EMULATOR_INLINE bool isinf(float x) { return __builtin_isinf(x) != 0; }
EMULATOR_INLINE bool isinf(double x) { return __builtin_isinf(x) != 0; }
EMULATOR_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
EMULATOR_INLINE bool isfinite(double x) { return __builtin_isfinite(x); }

// As on the device, min and max of floating-point numbers return the number where the other operand is NaN.
#define EMULATOR_MIN_MAX(type)                                                                        \
    EMULATOR_INLINE type min(type a, type b) { return b < a ? b : a; }                                \
    EMULATOR_INLINE type max(type a, type b) { return a < b ? b : a; }
EMULATOR_MIN_MAX(int)
EMULATOR_MIN_MAX(unsigned)
EMULATOR_MIN_MAX(long)
EMULATOR_MIN_MAX(unsigned long)
EMULATOR_MIN_MAX(long long)
EMULATOR_MIN_MAX(unsigned long long)
EMULATOR_INLINE float min(float a, float b) { return fminf(a, b); }
EMULATOR_INLINE float max(float a, float b) { return fmaxf(a, b); }
EMULATOR_INLINE double min(double a, double b) { return fmin(a, b); }
EMULATOR_INLINE double max(double a, double b) { return fmax(a, b); }

// The empty statement hides where a value comes from, so the compiler cannot fuse the operation with its neighbours.
#define EMULATOR_ROUNDED(type, name, parameters, expression)                                          \
    EMULATOR_INLINE type name parameters                                                              \
    {                                                                                                 \
        type result = expression;                                                                     \
        asm("" : "+x"(result));                                                                       \
        return result;                                                                                \
    }
EMULATOR_ROUNDED(float, __fadd_rn, (float a, float b), a + b)
EMULATOR_ROUNDED(float, __fsub_rn, (float a, float b), a - b)
EMULATOR_ROUNDED(float, __fmul_rn, (float a, float b), a * b)
EMULATOR_ROUNDED(float, __fdiv_rn, (float a, float b), a / b)
EMULATOR_ROUNDED(float, __frcp_rn, (float a), 1.0f / a)
EMULATOR_ROUNDED(float, __fsqrt_rn, (float a), sqrtf(a))
EMULATOR_ROUNDED(float, __fmaf_rn, (float a, float b, float c), fmaf(a, b, c))
EMULATOR_ROUNDED(double, __dadd_rn, (double a, double b), a + b)
EMULATOR_ROUNDED(double, __dsub_rn, (double a, double b), a - b)
EMULATOR_ROUNDED(double, __dmul_rn, (double a, double b), a * b)
EMULATOR_ROUNDED(double, __ddiv_rn, (double a, double b), a / b)
EMULATOR_ROUNDED(double, __dsqrt_rn, (double a), sqrt(a))
EMULATOR_ROUNDED(double, __fma_rn, (double a, double b, double c), fma(a, b, c))
EMULATOR_INLINE float __expf(float x) { return expf(x); }
EMULATOR_INLINE float __logf(float x) { return logf(x); }
EMULATOR_INLINE float __log2f(float x) { return log2f(x); }
EMULATOR_INLINE float __fdividef(float a, float b) { return a / b; }
EMULATOR_INLINE int __float2int_rn(float x) { return (int)rintf(x); }
EMULATOR_INLINE int __float2int_rd(float x) { return (int)floorf(x); }
EMULATOR_INLINE int __float2int_rz(float x) { return (int)x; }

// ---- memory ----

template <class T> EMULATOR_INLINE T __ldg(const T* p) { return *p; }
template <class T> EMULATOR_INLINE T __ldcg(const T* p) { return *p; }
template <class T> EMULATOR_INLINE T __ldcs(const T* p) { return *p; }
template <class T> EMULATOR_INLINE void __stcg(T* p, T v) { *p = v; }
template <class T> EMULATOR_INLINE void __stcs(T* p, T v) { *p = v; }

// Not __atomic_thread_fence, which the sanitizer would take over.
EMULATOR_INLINE void __threadfence() { asm volatile("mfence" ::: "memory"); }
EMULATOR_INLINE void __threadfence_block() { asm volatile("mfence" ::: "memory"); }

// ---- values as 64 bits, for the runtime ----

EMULATOR_INLINE unsigned long long emulator_pack(int v) { return (unsigned)v; }
EMULATOR_INLINE unsigned long long emulator_pack(unsigned v) { return v; }
EMULATOR_INLINE unsigned long long emulator_pack(long v) { return (unsigned long)v; }
EMULATOR_INLINE unsigned long long emulator_pack(unsigned long v) { return v; }
EMULATOR_INLINE unsigned long long emulator_pack(long long v) { return (unsigned long long)v; }
EMULATOR_INLINE unsigned long long emulator_pack(unsigned long long v) { return v; }
EMULATOR_INLINE unsigned long long emulator_pack(float v) { return __builtin_bit_cast(unsigned, v); }
EMULATOR_INLINE unsigned long long emulator_pack(double v) { return __builtin_bit_cast(unsigned long long, v); }
template <class T> EMULATOR_INLINE T emulator_unpack(unsigned long long bits) { return (T)bits; }
template <> inline __attribute__((always_inline)) float emulator_unpack<float>(unsigned long long bits)
{
    return __builtin_bit_cast(float, (unsigned)bits);
}
template <> inline __attribute__((always_inline)) double emulator_unpack<double>(unsigned long long bits)
{
    return __builtin_bit_cast(double, bits);
}

// ---- atomics ----

// The runtime reads and changes memory. Out of line, so that messages name the line of the call.
template <class T, class F>
__attribute__((noinline)) T emulator_read_modify_write(T* p, F next)
{
    unsigned long long old = emulator_atomic_read(p, sizeof(T), __builtin_return_address(0));
    for (;;) {
        const unsigned long long desired = emulator_pack(next(emulator_unpack<T>(old)));
        const unsigned long long seen = emulator_atomic_exchange(p, sizeof(T), old, desired);
        if (seen == old) return emulator_unpack<T>(old);
        old = seen;
    }
}

#define EMULATOR_ATOMIC(name, type, result)                                                           \
    EMULATOR_INLINE type name(type* p, type v)                                                        \
    {                                                                                                 \
        return emulator_read_modify_write(p, [v](type old) { return (type)(result); });               \
    }
#define EMULATOR_ATOMIC_INTEGERS(name, result)                                                        \
    EMULATOR_ATOMIC(name, int, result)                                                                \
    EMULATOR_ATOMIC(name, unsigned, result)                                                           \
    EMULATOR_ATOMIC(name, unsigned long long, result)
EMULATOR_ATOMIC_INTEGERS(atomicAdd, old + v)
EMULATOR_ATOMIC_INTEGERS(atomicMin, v < old ? v : old)
EMULATOR_ATOMIC_INTEGERS(atomicMax, old < v ? v : old)
EMULATOR_ATOMIC_INTEGERS(atomicAnd, old & v)
EMULATOR_ATOMIC_INTEGERS(atomicOr, old | v)
EMULATOR_ATOMIC_INTEGERS(atomicXor, old ^ v)
EMULATOR_ATOMIC_INTEGERS(atomicExch, v)
EMULATOR_ATOMIC(atomicMin, long long, v < old ? v : old)
EMULATOR_ATOMIC(atomicMax, long long, old < v ? v : old)
EMULATOR_ATOMIC(atomicAdd, float, old + v)
EMULATOR_ATOMIC(atomicAdd, double, old + v)
EMULATOR_ATOMIC(atomicExch, float, v)
EMULATOR_ATOMIC(atomicInc, unsigned, old >= v ? 0 : old + 1)
EMULATOR_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
#define EMULATOR_ATOMIC_CAS(type)                                                                     \
    EMULATOR_INLINE type atomicCAS(type* p, type compare, type v)                                     \
    {                                                                                                 \
        return emulator_read_modify_write(p, [compare, v](type old) { return old == compare ? v : old; }); \
    }
EMULATOR_ATOMIC_CAS(int)
EMULATOR_ATOMIC_CAS(unsigned)
EMULATOR_ATOMIC_CAS(unsigned long long)

// ---- threads of a block ----

EMULATOR_INLINE void __syncthreads(EMULATOR_HERE) { emulator_barrier(EmulatorVoteNone, 0, file, line); }
EMULATOR_INLINE int __syncthreads_count(int predicate, EMULATOR_HERE)
{
    return emulator_barrier(EmulatorVoteCount, predicate, file, line);
}
EMULATOR_INLINE int __syncthreads_and(int predicate, EMULATOR_HERE)
{
    return emulator_barrier(EmulatorVoteAnd, predicate, file, line);
}
EMULATOR_INLINE int __syncthreads_or(int predicate, EMULATOR_HERE)
{
    return emulator_barrier(EmulatorVoteOr, predicate, file, line);
}

// ---- lanes of a warp ----

EMULATOR_INLINE void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_HERE) { emulator_warp_barrier(mask, file, line); }

// A source lane outside the caller's segment of `width` lanes leaves the caller with its own value.
template <class T>
EMULATOR_INLINE T __shfl_sync(unsigned mask, T v, int source, int width = 32, EMULATOR_HERE)
{
    const int first = emulator_lane() & ~(width - 1);
    return emulator_unpack<T>(emulator_shuffle(mask, emulator_pack(v), first | (source & (width - 1)), file, line));
}
template <class T>
EMULATOR_INLINE T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32, EMULATOR_HERE)
{
    const int lane = emulator_lane(), source = lane ^ bits;
    const bool beyond = (source & ~(width - 1)) > (lane & ~(width - 1)); // earlier segments may be read
    return emulator_unpack<T>(emulator_shuffle(mask, emulator_pack(v), beyond ? lane : source, file, line));
}
template <class T>
EMULATOR_INLINE T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, EMULATOR_HERE)
{
    const int lane = emulator_lane();
    const bool inside = (lane & (width - 1)) + delta < (unsigned)width;
    return emulator_unpack<T>(
        emulator_shuffle(mask, emulator_pack(v), inside ? lane + (int)delta : lane, file, line));
}
template <class T>
EMULATOR_INLINE T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, EMULATOR_HERE)
{
    const int lane = emulator_lane();
    const bool inside = (unsigned)(lane & (width - 1)) >= delta;
    return emulator_unpack<T>(
        emulator_shuffle(mask, emulator_pack(v), inside ? lane - (int)delta : lane, file, line));
}

EMULATOR_INLINE unsigned __ballot_sync(unsigned mask, int predicate, EMULATOR_HERE)
{
    return emulator_ballot(mask, predicate, file, line);
}
EMULATOR_INLINE int __any_sync(unsigned mask, int predicate, EMULATOR_HERE)
{
    return emulator_ballot(mask, predicate, file, line) != 0;
}
EMULATOR_INLINE int __all_sync(unsigned mask, int predicate, EMULATOR_HERE)
{
    return emulator_ballot(mask, !predicate, file, line) == 0;
}
template <class T>
EMULATOR_INLINE unsigned __match_any_sync(unsigned mask, T v, EMULATOR_HERE)
{
    return emulator_match(mask, emulator_pack(v), file, line);
}

#define EMULATOR_REDUCE(name, type, reduction)                                                        \
    EMULATOR_INLINE type name(unsigned mask, type v, EMULATOR_HERE)                                   \
    {                                                                                                 \
        return (type)emulator_reduce(mask, (unsigned)v, reduction, file, line);                       \
    }
EMULATOR_REDUCE(__reduce_add_sync, int, EmulatorAdd)
EMULATOR_REDUCE(__reduce_add_sync, unsigned, EmulatorAdd)
EMULATOR_REDUCE(__reduce_min_sync, int, EmulatorMinSigned)
EMULATOR_REDUCE(__reduce_min_sync, unsigned, EmulatorMinUnsigned)
EMULATOR_REDUCE(__reduce_max_sync, int, EmulatorMaxSigned)
EMULATOR_REDUCE(__reduce_max_sync, unsigned, EmulatorMaxUnsigned)
EMULATOR_REDUCE(__reduce_and_sync, unsigned, EmulatorBitAnd)
EMULATOR_REDUCE(__reduce_or_sync, unsigned, EmulatorBitOr)
EMULATOR_REDUCE(__reduce_xor_sync, unsigned, EmulatorBitXor)

EMULATOR_INLINE void __trap() { emulator_trap("__trap was called"); }
#define assert(condition) ((condition) ? (void)0 : emulator_trap("assertion failed: " #condition))

// ---- the table of a module's kernels ----

template <class T> struct EmulatorValue { typedef T type; };
template <class T> struct EmulatorValue<const T> { typedef T type; };
template <unsigned... I> struct EmulatorNumbers {};
template <unsigned N, unsigned... I> struct EmulatorCount : EmulatorCount<N - 1, N - 1, I...> {};
template <unsigned... I> struct EmulatorCount<0, I...> { typedef EmulatorNumbers<I...> type; };

template <auto K> struct EmulatorCall;
template <class... P, void (*K)(P...)>
struct EmulatorCall<K> {
    static constexpr unsigned count = sizeof...(P);
    static constexpr unsigned sizes[sizeof...(P) + 1] = {sizeof(P)..., 0};

    // The argument array is host memory, which the checks would refuse.
    template <unsigned... I>
    EMULATOR_UNCHECKED static void unpack(void** arguments, EmulatorNumbers<I...>)
    {
        K(*(typename EmulatorValue<P>::type*)arguments[I]...);
    }
    EMULATOR_UNCHECKED static void run(void** arguments) { unpack(arguments, typename EmulatorCount<count>::type()); }
};

#define EMULATOR_KERNEL(name) {#name, &EmulatorCall<&name>::run, EmulatorCall<&name>::sizes, EmulatorCall<&name>::count}
#define EMULATOR_EXPORT extern "C" __attribute__((visibility("default")))
