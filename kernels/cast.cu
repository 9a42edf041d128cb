// Cast: conversion between element types; a build for each type that is read, an entry for each that is written.
//   to floating point: rounded to nearest even; bf16 through float, as there is no direct conversion from double
//   to integers: truncated; what lies beyond 32 or 64 bits becomes the nearest of them, NaN becomes 0; u8 takes the low
//   8 bits of the 32-bit result, as C# does
// Shapes   x, y of N elements each. Any N >= 1.
// Types    x scalar_t; y as the entry's name says.
// Builds   f64 f32 bf16 i64 i32 u8
// Launch   block 256, grid ceil(N / (256 W)): one thread for the W elements that take 16 bytes in the wider of the two
//          types; *_scalar: W = 1.
// Cost     cast_to_f64: N*(sizeof(scalar_t) + sizeof(double)) bytes, 0 FLOPs
//          cast_to_f32: N*(sizeof(scalar_t) + sizeof(float)) bytes, 0 FLOPs
//          cast_to_bf16: N*(sizeof(scalar_t) + sizeof(bf16)) bytes, 0 FLOPs
//          cast_to_i64: N*(sizeof(scalar_t) + sizeof(index_t)) bytes, 0 FLOPs
//          cast_to_i32: N*(sizeof(scalar_t) + sizeof(int)) bytes, 0 FLOPs
//          cast_to_u8: N*(sizeof(scalar_t) + sizeof(u8)) bytes, 0 FLOPs
//          cast_to_f64_scalar: N*(sizeof(scalar_t) + sizeof(double)) bytes, 0 FLOPs
//          cast_to_f32_scalar: N*(sizeof(scalar_t) + sizeof(float)) bytes, 0 FLOPs
//          cast_to_bf16_scalar: N*(sizeof(scalar_t) + sizeof(bf16)) bytes, 0 FLOPs
//          cast_to_i64_scalar: N*(sizeof(scalar_t) + sizeof(index_t)) bytes, 0 FLOPs
//          cast_to_i32_scalar: N*(sizeof(scalar_t) + sizeof(int)) bytes, 0 FLOPs
//          cast_to_u8_scalar: N*(sizeof(scalar_t) + sizeof(u8)) bytes, 0 FLOPs
#include "common/scalar.cuh"

// What stands in memory as a number: float where that holds every value of the type, else double.
__device__ __forceinline__ double number(double v) { return v; }
__device__ __forceinline__ float number(float v) { return v; }
__device__ __forceinline__ float number(bf16 v) { return from_bf16(v); }
__device__ __forceinline__ double number(long long v) { return (double)v; }
__device__ __forceinline__ double number(int v) { return (double)v; }
__device__ __forceinline__ float number(u8 v) { return (float)v; }

// A conversion beyond the target's range is undefined in C++ and differs between devices, so the range is checked first.
// Both bounds are powers of two, exact in float and double.
template <class T>
__device__ __forceinline__ int truncated_32(T v)
{
    if (v != v) return 0;
    if (v >= T(2147483648.0)) return 0x7fffffff;
    if (v <= T(-2147483648.0)) return -0x7fffffff - 1;
    return (int)v;
}

template <class T>
__device__ __forceinline__ long long truncated_64(T v)
{
    if (v != v) return 0;
    if (v >= T(9223372036854775808.0)) return 0x7fffffffffffffffLL;
    if (v <= T(-9223372036854775808.0)) return -0x7fffffffffffffffLL - 1;
    return (long long)v;
}

template <class T> __device__ __forceinline__ void assign(double* y, T v) { *y = (double)v; }
template <class T> __device__ __forceinline__ void assign(float* y, T v) { *y = (float)v; }
template <class T> __device__ __forceinline__ void assign(bf16* y, T v) { *y = to_bf16((float)v); }
template <class T> __device__ __forceinline__ void assign(long long* y, T v) { *y = truncated_64(v); }
template <class T> __device__ __forceinline__ void assign(int* y, T v) { *y = truncated_32(v); }
template <class T> __device__ __forceinline__ void assign(u8* y, T v) { *y = (u8)truncated_32(v); }

template <int N, class To>
__device__ __forceinline__ void cast(To* __restrict__ y, const scalar_t* __restrict__ x, index_t count)
{
    const index_t first = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) * N;
    if (first + N <= count) {
        const Pack<scalar_t, N> from = *(const Pack<scalar_t, N>*)(x + first);
        Pack<To, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) assign(&to.v[k], number(from.v[k]));
        store_pack(y + first, to);
    } else {
#pragma unroll 1
        for (index_t i = first; i < count; i++) assign(&y[i], number(x[i]));
    }
}

// Elements that one access of 16 bytes moves on the wider side.
template <class To>
constexpr int kWidth = 16 / (sizeof(To) > sizeof(scalar_t) ? sizeof(To) : sizeof(scalar_t));

extern "C" __global__ void cast_to_f64(double* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<double>>(y, x, N);
}

extern "C" __global__ void cast_to_f64_scalar(double* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}

extern "C" __global__ void cast_to_f32(float* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<float>>(y, x, N);
}

extern "C" __global__ void cast_to_f32_scalar(float* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}

extern "C" __global__ void cast_to_bf16(bf16* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<bf16>>(y, x, N);
}

extern "C" __global__ void cast_to_bf16_scalar(bf16* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}

extern "C" __global__ void cast_to_i64(index_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<index_t>>(y, x, N);
}

extern "C" __global__ void cast_to_i64_scalar(index_t* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}

extern "C" __global__ void cast_to_i32(int* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<int>>(y, x, N);
}

extern "C" __global__ void cast_to_i32_scalar(int* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}

extern "C" __global__ void cast_to_u8(u8* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<kWidth<u8>>(y, x, N);
}

extern "C" __global__ void cast_to_u8_scalar(u8* __restrict__ y, const scalar_t* __restrict__ x, index_t N)
{
    cast<1>(y, x, N);
}
