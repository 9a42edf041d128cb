// MaxPool2d: the largest value under each position of a window. Forward and backward.
//   y[p, i, j] = max over the pixels of plane p under the window at (i, j); the first of equals, and a NaN before all
//   dx[p, k] = sum of dy[p, i, j] over the positions whose maximum stood at pixel k, in row-major order
// Shapes   x, dx [planes, H, W]; y, dy, indices [planes, OH, OW]: where in its plane each maximum stood.
//          inputs and outputs are the numbers of elements of the two. Padding is less than the kernel.
// Types    x, y, dx, dy scalar_t; indices int.
// Builds   f64 f32 bf16
// Launch   block 256, one thread per element of the result.
// Cost     max_pool2d_forward: (inputs+outputs)*sizeof(scalar_t) + outputs*sizeof(int) bytes, inputs FLOPs
//          max_pool2d_backward: (inputs+outputs)*sizeof(scalar_t) + outputs*sizeof(int) bytes, inputs FLOPs
// Saves    indices.
#include "common/window.cuh"

extern "C" __global__ void __launch_bounds__(256) max_pool2d_forward(
    scalar_t* __restrict__ y, int* __restrict__ indices, const scalar_t* __restrict__ x, Window window, index_t inputs,
    index_t outputs)
{
    const index_t at = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= outputs) return;
    const int position = (int)(at % window.outputs());
    const scalar_t* plane = x + at / window.outputs() * window.inputs();
    const Bounds under(window, position / window.out_width, position % window.out_width);
    int best = under.top * window.width + under.left;
    acc_t largest = load(&plane[best]);
    for (int row = under.top; row < under.bottom; row++) {
        for (int column = under.left; column < under.right; column++) {
            const acc_t v = load(&plane[row * window.width + column]);
            if (v > largest || (v != v && largest == largest)) {
                largest = v;
                best = row * window.width + column;
            }
        }
    }
    store(&y[at], largest);
    indices[at] = best;
}

// Each pixel looks for itself in the windows that cover it: no two threads write to one address.
extern "C" __global__ void __launch_bounds__(256) max_pool2d_backward(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const int* __restrict__ indices, Window window,
    index_t inputs, index_t outputs)
{
    const index_t at = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= inputs) return;
    const int pixel = (int)(at % window.inputs());
    const index_t plane = at / window.inputs() * window.outputs();
    const int row = pixel / window.width;
    const int column = pixel % window.width;
    const int bottom = window.end_over(row, window.out_height);
    const int right = window.end_over(column, window.out_width);
    acc_t sum = 0;
    for (int i = window.first_over(row, window.kernel_height); i < bottom; i++) {
        for (int j = window.first_over(column, window.kernel_width); j < right; j++) {
            const index_t position = plane + (index_t)i * window.out_width + j;
            if (indices[position] == pixel) sum += load(&dy[position]);
        }
    }
    store(&dx[at], sum);
}
