// AugmentViews: cuts views out of packed 8-bit images and changes them as MoCo v3 does, many views in four launches.
//   filters: the weights of the antialiased triangle filter of every view, both ways, in 22-bit fixed point
//   resize:  crop and resize, columns first, rounded, then rows; the changes of colour up to contrast; the sum of grey
//   rows:    contrast and what follows it, grey, three box blurs along the rows; in place
//   columns: three box blurs along the columns, solarise, flip, (x / 255 - mean[c]) / std[c]; channels first
// Every operation rounds to 8 bits, by the integers and IEEE roundings of ViewRenderer.cs, so the bytes are the same.
// Shapes   packed bytes; views [N] of S x S pixels with C = 1 or 3 channels: work [N, S, S, C], y [N, C, S, S]; sums
//          [N]; for each view and way a filter of ints: first tap [S], taps [S], weights [most taps][S].
// Types    packed, work u8; sums u64; y scalar_t; weights from double; statistics float.
// Builds   f64 f32 bf16
// Launch   augment_views_filters: block 128, grid N * ceil(2 S / 128).
//          augment_views_resize: block (32, 8), grid N * ceil(S / 32) * ceil(S / 64): a thread has a column of 8 rows.
//          augment_views_rows: block (32, 8), grid N * ceil(S / R): R whole rows; 2 R S C bytes of shared memory.
//          augment_views_columns: block (32, 8), grid N * ceil(S / T): T whole columns; 2 T S C bytes of shared memory.
// Cost     augment_views_filters: 24*N*S bytes, 24*N*S FLOPs
//          augment_views_resize: packed + N*S*S*C bytes, 4*packed + 4*N*S*S*C FLOPs
//          augment_views_rows: 2*N*S*S*C bytes, 9*N*S*S*C FLOPs
//          augment_views_columns: N*S*S*C*(1 + sizeof(scalar_t)) bytes, 9*N*S*S*C FLOPs
// Source   MoCo v3, arXiv:2104.02057, and torchvision on Pillow, whose arithmetic it is.
#include "common/pixels.cuh"
#include "common/reduce.cuh"
#include "common/scalar.cuh"

namespace {

constexpr int kFilterBits = 22;
constexpr int kBoxBits = 24;
constexpr int kRows = 8; // of a thread in resize
constexpr int kWarps = 8;
constexpr int kBoxes = 3;

// As AugmentViews.cs writes it.
struct View {
    index_t source;       // offset of the crop in the packed bytes
    index_t filters[2];   // offsets of the filters across columns and across rows
    index_t row_bytes;    // of the image that the crop is cut from
    int lengths[2];       // columns and rows of the crop
    Colors colors;
    int grayscale;
    int solarize;
    int flip;
    int blurs;
    int radius;           // of a box: weight inner up to it, outer one beyond
    u32 inner;
    u32 outer;
};

struct ViewStatistics {
    float mean[3];
    float std[3];
};

// Weight of an input pixel before they are brought to the sum 1.
__device__ __forceinline__ double triangle(int pixel, double centre, double slope)
{
    const double offset = __dadd_rn(__dsub_rn((double)pixel, centre), 0.5);
    return max(0.0, __dsub_rn(1.0, fabs(__dmul_rn(offset, slope))));
}

// The weights of output x; neighbouring outputs are neighbours in memory.
__device__ void write_filter(int* filter, int length, int x, int S)
{
    const double scale = __ddiv_rn((double)length, (double)S);
    const double support = max(scale, 1.0);
    const double slope = __ddiv_rn(1.0, support);
    const double centre = __dmul_rn(x + 0.5, scale);
    const int first = max((int)__dadd_rn(__dsub_rn(centre, support), 0.5), 0);
    const int end = min((int)__dadd_rn(__dadd_rn(centre, support), 0.5), length);
    double sum = 0;
    for (int i = first; i < end; i++) sum = __dadd_rn(sum, triangle(i, centre, slope));
    filter[x] = first;
    filter[S + x] = end - first;
    for (int i = first; i < end; i++) {
        const double share = __ddiv_rn(triangle(i, centre, slope), sum);
        filter[(index_t)(2 + i - first) * S + x] = (int)__dadd_rn(__dmul_rn(share, double(1 << kFilterBits)), 0.5);
    }
}

// The pixels of a row that a column takes, weighted, as 8 bits.
template <int C>
__device__ __forceinline__ Pixel<C> resized_pixel(const u8* row, const int* weights, int taps, int S)
{
    Pixel<C> sum;
#pragma unroll
    for (int c = 0; c < C; c++) sum.v[c] = 1 << (kFilterBits - 1);
    for (int i = 0; i < taps; i++) {
        const int weight = weights[(index_t)i * S];
#pragma unroll
        for (int c = 0; c < C; c++) sum.v[c] += weight * row[i * C + c];
    }
#pragma unroll
    for (int c = 0; c < C; c++) sum.v[c] = min(sum.v[c] >> kFilterBits, 255);
    return sum;
}

// Rows [y, y + kRows) of column x. Each input row is read once and added to all outputs that it is a part of.
template <int C>
__device__ __forceinline__ void resize_column(
    u8* work, const u8* packed, const View& view, const int* columns, const int* rows, int x, int y, int S)
{
    int first[kRows], taps[kRows];
    Pixel<C> sums[kRows];
#pragma unroll
    for (int k = 0; k < kRows; k++) {
        const int row = min(y + k, S - 1); // what is beyond the view is computed twice and not stored
        first[k] = rows[row];
        taps[k] = rows[S + row];
#pragma unroll
        for (int c = 0; c < C; c++) sums[k].v[c] = 1 << (kFilterBits - 1);
    }
    const int column_taps = columns[S + x];
    const u8* source = packed + view.source + first[0] * view.row_bytes + (index_t)columns[x] * C;
    const int end = first[kRows - 1] + taps[kRows - 1];
    for (int i = first[0]; i < end; i++, source += view.row_bytes) {
        const Pixel<C> pixel = resized_pixel<C>(source, columns + 2 * (index_t)S + x, column_taps, S);
#pragma unroll
        for (int k = 0; k < kRows; k++) {
            const int tap = i - first[k];
            if (tap < 0 || tap >= taps[k]) continue; // the same in all lanes
            const int weight = rows[(index_t)(2 + tap) * S + min(y + k, S - 1)];
#pragma unroll
            for (int c = 0; c < C; c++) sums[k].v[c] += weight * pixel.v[c];
        }
    }
#pragma unroll
    for (int k = 0; k < kRows; k++) {
        if (y + k >= S) break;
#pragma unroll
        for (int c = 0; c < C; c++) sums[k].v[c] = min(sums[k].v[c] >> kFilterBits, 255);
        store_pixel(work + ((index_t)(y + k) * S + x) * C, sums[k]);
    }
}

// The steps before contrast, on what resize_column has written; returns the sum of grey.
template <int C>
__device__ __forceinline__ int change_column(u8* work, const Colors& colors, int steps, int x, int y, int S)
{
    int grey = 0;
#pragma unroll 1
    for (int row = y; row < min(y + kRows, S); row++) {
        u8* at = work + ((index_t)row * S + x) * C;
        Pixel<C> pixel = load_pixel<C>(at);
#pragma unroll 1
        for (int k = 0; k < steps; k++) change_color(pixel, colors, colors.steps[k], 0);
        if (steps > 0) store_pixel(at, pixel);
        grey += grey_of(pixel);
    }
    return grey;
}

// The steps from contrast on, and grey, from global to shared memory.
template <int C>
__device__ __forceinline__ void change_rows(
    u8* changed, const u8* work, const View& view, int contrast, int mean, int rows, int S)
{
    for (int row = threadIdx.y; row < rows; row += kWarps) {
        for (int x = threadIdx.x; x < S; x += kWarpSize) {
            const int at = (row * S + x) * C;
            Pixel<C> pixel = load_pixel<C>(work + at);
#pragma unroll 1
            for (int k = contrast; k < 4; k++) change_color(pixel, view.colors, view.colors.steps[k], mean);
            if (view.grayscale) {
                const int grey = grey_of(pixel);
#pragma unroll
                for (int c = 0; c < C; c++) pixel.v[c] = grey;
            }
            store_pixel(changed + at, pixel);
        }
    }
}

// One box over a line of pixels `stride` bytes apart, around the pixel at `at`; beyond its ends they repeat.
__device__ __forceinline__ u8 box(const u8* line, int at, int length, int stride, int radius, u32 inner, u32 outer)
{
    u32 sum = 0;
    for (int i = at - radius; i <= at + radius; i++) sum += line[min(max(i, 0), length - 1) * stride];
    const u32 ends = (u32)line[max(at - radius - 1, 0) * stride] + line[min(at + radius + 1, length - 1) * stride];
    return (u8)((sum * inner + ends * outer + (1u << (kBoxBits - 1))) >> kBoxBits);
}

} // namespace

extern "C" __global__ void __launch_bounds__(128) augment_views_filters(
    int* __restrict__ filters, u64* __restrict__ sums, const View* __restrict__ views, index_t N, int S)
{
    const int blocks = (2 * S + 127) / 128;
    const View& view = views[blockIdx.x / blocks];
    const int at = blockIdx.x % blocks * 128 + threadIdx.x;
    if (at == 0) sums[blockIdx.x / blocks] = 0;
    if (at < 2 * S) write_filter(filters + view.filters[at / S], view.lengths[at / S], at % S, S);
}

extern "C" __global__ void __launch_bounds__(256, 2) augment_views_resize(
    u8* __restrict__ work, u64* __restrict__ sums, const u8* __restrict__ pixels, const View* __restrict__ views,
    const int* __restrict__ filters, index_t N, int S, int C, index_t packed)
{
    const int across = (S + kWarpSize - 1) / kWarpSize;
    const int tiles = across * ((S + kRows * kWarps - 1) / (kRows * kWarps));
    const index_t index = blockIdx.x / tiles;
    const int tile = blockIdx.x % tiles;
    const int x = tile % across * kWarpSize + threadIdx.x;
    const int y = (tile / across * kWarps + threadIdx.y) * kRows;
    if (y >= S) return; // the whole warp
    const View& view = views[index];
    const int steps = contrast_step(view.colors);
    const int* columns = filters + view.filters[0];
    const int* rows = filters + view.filters[1];
    work += index * S * S * C;
    int grey = 0;
    if (x < S) {
        if (C == 3) {
            resize_column<3>(work, pixels, view, columns, rows, x, y, S);
            grey = change_column<3>(work, view.colors, steps, x, y, S);
        } else {
            resize_column<1>(work, pixels, view, columns, rows, x, y, S);
            grey = change_column<1>(work, view.colors, steps, x, y, S);
        }
    }
    grey = warp_sum(grey);
    if (threadIdx.x == 0) atomicAdd(&sums[index], (u64)grey); // of integers: exact in any order
}

extern "C" __global__ void __launch_bounds__(256) augment_views_rows(
    u8* __restrict__ work, const u64* __restrict__ sums, const View* __restrict__ views, index_t N, int S, int C, int R)
{
    DYNAMIC_SHARED(u8, shared);
    const int blocks = (S + R - 1) / R;
    const index_t index = blockIdx.x / blocks;
    const int first = blockIdx.x % blocks * R;
    const int rows = min(R, S - first);
    const View& view = views[index];
    const int contrast = contrast_step(view.colors);
    if (contrast == 4 && !view.grayscale && !view.blurs) return; // the whole block
    const int mean = (int)__dadd_rn(__ddiv_rn((double)sums[index], (double)(S * S)), 0.5);
    work += (index * S + first) * S * C;
    u8* from = shared;
    u8* to = shared + R * S * C;
    if (C == 3) change_rows<3>(from, work, view, contrast, mean, rows, S);
    else change_rows<1>(from, work, view, contrast, mean, rows, S);
    __syncthreads();
    for (int pass = 0; pass < (view.blurs ? kBoxes : 0); pass++) {
        for (int row = threadIdx.y; row < rows; row += kWarps) {
            for (int i = threadIdx.x; i < S * C; i += kWarpSize) {
                const int x = C == 3 ? i / 3 : i;
                to[row * S * C + i] = box(from + row * S * C + i - x * C, x, S, C, view.radius, view.inner, view.outer);
            }
        }
        __syncthreads();
        u8* swapped = from;
        from = to;
        to = swapped;
    }
    for (int row = threadIdx.y; row < rows; row += kWarps) {
        for (int i = threadIdx.x; i < S * C; i += kWarpSize) work[row * S * C + i] = from[row * S * C + i];
    }
}

extern "C" __global__ void __launch_bounds__(256) augment_views_columns(
    scalar_t* __restrict__ y, const u8* __restrict__ work, const View* __restrict__ views,
    const __grid_constant__ ViewStatistics statistics, index_t N, int S, int C, int T)
{
    DYNAMIC_SHARED(u8, shared);
    __shared__ acc_t table[3 * 256]; // normalized, for every channel and value
    const int blocks = (S + T - 1) / T;
    const index_t index = blockIdx.x / blocks;
    const int first = blockIdx.x % blocks * T;
    const int width = min(T, S - first) * C; // in bytes
    const View& view = views[index];
    for (int i = threadIdx.y * kWarpSize + threadIdx.x; i < C * 256; i += kWarps * kWarpSize) {
        const int value = i % 256;
        const int solarized = view.solarize && value >= 128 ? 255 - value : value;
        table[i] = (acc_t(solarized) / 255 - acc_t(statistics.mean[i / 256])) / acc_t(statistics.std[i / 256]);
    }
    work += (index * S * S + first) * C;
    u8* from = shared;
    u8* to = shared + T * C * S;
    for (int row = threadIdx.y; row < S; row += kWarps) {
        for (int i = threadIdx.x; i < width; i += kWarpSize) from[row * T * C + i] = work[(index_t)row * S * C + i];
    }
    __syncthreads();
    for (int pass = 0; pass < (view.blurs ? kBoxes : 0); pass++) {
        for (int row = threadIdx.y; row < S; row += kWarps) {
            for (int i = threadIdx.x; i < width; i += kWarpSize) {
                to[row * T * C + i] = box(from + i, row, S, T * C, view.radius, view.inner, view.outer);
            }
        }
        __syncthreads();
        u8* swapped = from;
        from = to;
        to = swapped;
    }
    y += index * C * S * S;
    for (int line = threadIdx.y; line < C * S; line += kWarps) {
        const int c = line / S;
        const int row = line - c * S;
        for (int i = threadIdx.x; i < width / C; i += kWarpSize) {
            const int x = view.flip ? S - 1 - (first + i) : first + i;
            store(&y[(index_t)line * S + x], table[c * 256 + from[row * T * C + i * C + c]]);
        }
    }
}
