// Conv2d: what a convolution needs besides its matrix products. Forward and backward.
//   columns[n, (c, r, s), (i, j)] = x[n, c, i * stride - padding + r, j * stride - padding + s], zeros outside of x
//   y[n] = weight * columns[n] + bias
//   d_weight = sum_n dy[n] * columns[n]^T,  dx = columns' adjoint applied to weight^T * dy[n],  d_bias = sum of dy
// Shapes   x, dx [N, C, H, W]; y, dy [N, O, P] with P = OH * OW; weight [O, depth] with depth = C * KH * KW; bias [O].
//          columns [N, depth, P] for y and dx. For d_weight its images lie side by side in each row, [depth, N, P], and so
//          do those of dy, [O, N, P]: then all images are one product. partials [K, O]: sums of `chunk` images each.
//          N counts the images of this launch.
// Types    x, y, dx, dy, columns, bias, d_bias scalar_t; partials and every sum acc_t.
// Builds   f64 f32 bf16
// Launch   im2col, bias, gather   block (32, 8): 128 elements of 8 rows; grid ceil(P / 128) * ceil(rows / 8), rows being
//                                 N * depth, N * O and N * O.
//          col2im                 block 256, one thread per pixel.
//          bias_sums              block 256, one block per channel and chunk; grid O * K.
//          bias_reduce            block 128, one thread per channel.
// Cost     conv2d_im2col: N*C*inputs*sizeof(scalar_t) + N*depth*P*sizeof(scalar_t) bytes, 0 FLOPs
//          conv2d_bias: N*O*P*sizeof(scalar_t) bytes, 0 FLOPs
//          conv2d_gather: 2*N*O*P*sizeof(scalar_t) bytes, 0 FLOPs
//          conv2d_col2im: N*C*inputs*sizeof(scalar_t) + N*depth*P*sizeof(scalar_t) bytes, N*depth*P FLOPs
//          conv2d_bias_sums: N*O*P*sizeof(scalar_t) + K*O*sizeof(acc_t) bytes, N*O*P FLOPs
//          conv2d_bias_reduce: K*O*sizeof(acc_t) + O*sizeof(scalar_t) bytes, K*O FLOPs
// Saves    x and weight.
// Source   Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006.
#include "common/window.cuh"
#include "common/reduce.cuh"

constexpr int kTileRows = 8;
constexpr int kTileColumns = 4 * kWarpSize;

// Where a block of im2col, bias or gather stands: each thread has one row and four places in it.
struct Tile {
    index_t row;
    index_t first;

    __device__ __forceinline__ explicit Tile(index_t P)
    {
        const index_t tiles = (P + kTileColumns - 1) / kTileColumns;
        row = blockIdx.x / tiles * kTileRows + threadIdx.y;
        first = blockIdx.x % tiles * kTileColumns + threadIdx.x;
    }
};

// Row (n, d) of columns begins at n * image_step + d * row_step.
extern "C" __global__ void __launch_bounds__(256) conv2d_im2col(
    scalar_t* __restrict__ columns, const scalar_t* __restrict__ x, Window window, index_t image_step, index_t row_step,
    index_t N, index_t C, index_t depth, index_t inputs, index_t P)
{
    const Tile tile(P);
    if (tile.row >= N * depth) return;
    const index_t n = tile.row / depth;
    const int d = (int)(tile.row % depth);
    const int taps = window.kernel_height * window.kernel_width;
    const int down = d % taps / window.kernel_width - window.padding;
    const int across = d % taps % window.kernel_width - window.padding;
    const scalar_t* plane = x + (n * C + d / taps) * inputs;
    scalar_t* target = columns + n * image_step + d * row_step;
#pragma unroll
    for (int step = 0; step < kTileColumns; step += kWarpSize) {
        const index_t p = tile.first + step;
        if (p < P) {
            const int row = (int)p / window.out_width * window.stride + down;
            const int column = (int)p % window.out_width * window.stride + across;
            scalar_t v{}; // zero in every type
            if (row >= 0 && row < window.height && column >= 0 && column < window.width) {
                v = plane[row * window.width + column];
            }
            target[p] = v;
        }
    }
}

// y starts as the bias, and the product is added to it.
extern "C" __global__ void __launch_bounds__(256) conv2d_bias(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ bias, index_t N, index_t O, index_t P)
{
    const Tile tile(P);
    if (tile.row >= N * O) return;
    const scalar_t v = bias[tile.row % O];
#pragma unroll
    for (int step = 0; step < kTileColumns; step += kWarpSize) {
        const index_t p = tile.first + step;
        if (p < P) y[tile.row * P + p] = v;
    }
}

// sides[o, n, p] = dy[n, o, p].
extern "C" __global__ void __launch_bounds__(256) conv2d_gather(
    scalar_t* __restrict__ sides, const scalar_t* __restrict__ dy, index_t N, index_t O, index_t P)
{
    const Tile tile(P);
    if (tile.row >= N * O) return;
    const index_t n = tile.row % N;
    const index_t o = tile.row / N;
#pragma unroll
    for (int step = 0; step < kTileColumns; step += kWarpSize) {
        const index_t p = tile.first + step;
        if (p < P) sides[tile.row * P + p] = dy[(n * O + o) * P + p];
    }
}

// Each pixel gathers from the columns that it went to, tap after tap: no two threads write to one address.
extern "C" __global__ void __launch_bounds__(256) conv2d_col2im(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ columns, Window window, index_t N, index_t C, index_t depth,
    index_t inputs, index_t P)
{
    const index_t at = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= N * C * inputs) return;
    const int pixel = (int)(at % inputs);
    const int taps = window.kernel_height * window.kernel_width;
    const index_t c = at / inputs % C;
    const scalar_t* image = columns + (at / inputs / C * depth + c * taps) * P;
    const int row = pixel / window.width + window.padding;
    const int column = pixel % window.width + window.padding;
    acc_t sum = 0;
    for (int r = 0; r < window.kernel_height && r <= row; r++) {
        const int i = (row - r) / window.stride;
        if (i * window.stride != row - r || i >= window.out_height) continue;
        for (int s = 0; s < window.kernel_width && s <= column; s++) {
            const int j = (column - s) / window.stride;
            if (j * window.stride != column - s || j >= window.out_width) continue;
            sum += load(&image[(r * window.kernel_width + s) * P + (index_t)i * window.out_width + j]);
        }
    }
    store(&dx[at], sum);
}

extern "C" __global__ void __launch_bounds__(256) conv2d_bias_sums(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ dy, index_t chunk, index_t K, index_t N, index_t O,
    index_t P)
{
    const index_t o = blockIdx.x % O;
    const index_t k = blockIdx.x / O;
    const index_t end = (k + 1) * chunk < N ? (k + 1) * chunk : N;
    acc_t sum = 0;
    for (index_t n = k * chunk; n < end; n++) {
        for (index_t p = threadIdx.x; p < P; p += blockDim.x) sum += load(&dy[(n * O + o) * P + p]);
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) partials[k * O + o] = sum;
}

extern "C" __global__ void __launch_bounds__(128) conv2d_bias_reduce(
    scalar_t* __restrict__ d_bias, const acc_t* __restrict__ partials, index_t K, index_t O)
{
    const index_t o = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (o >= O) return;
    acc_t sum = 0;
    for (index_t k = 0; k < K; k++) sum += partials[k * O + o];
    store(&d_bias[o], sum);
}
