// AvgPool2d: the mean under each position of a window; padding counts as zeros. Forward and backward.
//   y[p, i, j] = sum of the pixels of plane p under the window at (i, j) / (KH * KW)
//   dx[p, k] = sum of dy[p, i, j] over the positions that cover pixel k / (KH * KW)
// Shapes   x, dx [planes, H, W]; y, dy [planes, OH, OW]. inputs and outputs are the numbers of elements of the two.
//          Padding is less than the kernel.
// Types    x, y, dx, dy scalar_t; every sum acc_t.
// Builds   f64 f32 bf16
// Launch   block 256, one thread per element of the result.
// Cost     avg_pool2d_forward: (inputs+outputs)*sizeof(scalar_t) bytes, inputs FLOPs
//          avg_pool2d_backward: (inputs+outputs)*sizeof(scalar_t) bytes, inputs FLOPs
#include "common/window.cuh"

extern "C" __global__ void __launch_bounds__(256) avg_pool2d_forward(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, Window window, index_t inputs, index_t outputs)
{
    const index_t at = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= outputs) return;
    const int position = (int)(at % window.outputs());
    const scalar_t* plane = x + at / window.outputs() * window.inputs();
    const Bounds under(window, position / window.out_width, position % window.out_width);
    acc_t sum = 0;
    for (int row = under.top; row < under.bottom; row++) {
        for (int column = under.left; column < under.right; column++) sum += load(&plane[row * window.width + column]);
    }
    store(&y[at], sum / (acc_t)(window.kernel_height * window.kernel_width));
}

// Each pixel gathers from the windows that cover it: no two threads write to one address.
extern "C" __global__ void __launch_bounds__(256) avg_pool2d_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, Window window, index_t inputs, index_t outputs)
{
    const index_t at = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= inputs) return;
    const int pixel = (int)(at % window.inputs());
    const scalar_t* plane = dy + at / window.inputs() * window.outputs();
    const int row = pixel / window.width;
    const int column = pixel % window.width;
    const int bottom = window.end_over(row, window.out_height);
    const int right = window.end_over(column, window.out_width);
    acc_t sum = 0;
    for (int i = window.first_over(row, window.kernel_height); i < bottom; i++) {
        for (int j = window.first_over(column, window.kernel_width); j < right; j++) {
            sum += load(&plane[(index_t)i * window.out_width + j]);
        }
    }
    store(&dx[at], sum / (acc_t)(window.kernel_height * window.kernel_width));
}
