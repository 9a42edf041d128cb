// window.cuh: how a kernel slides over planes of pixels, as SlidingWindow in src/CudaViT.Core/Ops says it.
#pragma once
#include "common/scalar.cuh"

// The layout is that of CudaBackend.WindowSizes.
struct Window {
    int height; // of a plane of the input
    int width;
    int kernel_height;
    int kernel_width;
    int stride;
    int padding;
    int out_height; // positions of the kernel
    int out_width;

    __device__ __forceinline__ index_t inputs() const { return (index_t)height * width; }
    __device__ __forceinline__ index_t outputs() const { return (index_t)out_height * out_width; }

    // First position of the kernel, along one axis, that covers pixel y; the one after the last.
    __device__ __forceinline__ int first_over(int y, int kernel) const
    {
        return y + padding < kernel ? 0 : (y + padding - kernel) / stride + 1;
    }
    __device__ __forceinline__ int end_over(int y, int positions) const
    {
        const int end = (y + padding) / stride + 1;
        return end < positions ? end : positions;
    }
};

// The part of the image under the window at one position: never empty.
struct Bounds {
    int top;
    int bottom;
    int left;
    int right;

    __device__ __forceinline__ Bounds(const Window& w, int i, int j)
    {
        const int y = i * w.stride - w.padding;
        const int x = j * w.stride - w.padding;
        top = y > 0 ? y : 0;
        left = x > 0 ? x : 0;
        bottom = y + w.kernel_height < w.height ? y + w.kernel_height : w.height;
        right = x + w.kernel_width < w.width ? x + w.kernel_width : w.width;
    }
};
