// LayerNorm: give every row zero mean and unit variance, then scale and shift each column. Forward and backward.
//   mu_i = sum_j x_ij / D,  r_i = 1 / sqrt(sum_j (x_ij - mu_i)^2 / D + eps),  u_ij = (x_ij - mu_i) * r_i
//   y_ij = u_ij * weight_j + bias_j
//   g_ij = dy_ij * weight_j
//   dx_ij = r_i * (g_ij - mean_k(g_ik) - u_ij * mean_k(g_ik * u_ik))
//   d_weight_j = sum_i dy_ij * u_ij,  d_bias_j = sum_i dy_ij
// Shapes   x, y, dx, dy [N, D], rows contiguous; weight, bias, d_weight, d_bias [D]; mean, rstd [N]. Any N, D >= 1.
//          weight and bias may be null together: ones and zeros. partials [B, 2, D]: column sums of dy * u, then of dy.
// Types    x, y, dx, dy, weight, bias and their gradients scalar_t; mean, rstd, eps, partials and every sum acc_t.
// Builds   f64 f32 bf16
// Launch   ..._rows and backward_x   block (32, 4): one warp per row; grid ceil(N / 4).
//          ..._packed2, 4, 8         the same with rows kept in registers, for rows of whole 16-byte packs at addresses
//                                    that are multiples of 16, with at most 2, 4 or 8 packs for each lane.
//          backward_packed2, 4, 8    block (32, 8), grid B; warps stride over the rows and keep their columns' sums in
//                                    registers; 2*D acc_t of shared memory if partials are wanted, else partials null.
//          backward_columns          block (32, 8): 32 columns of `chunk` rows; grid ceil(D / 32) * B, B = ceil(N / chunk).
//          backward_reduce           block (32, 8): 32 columns of all B partials; grid ceil(2*D / 32).
// Cost     layer_norm_forward_rows: 2*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 7*N*D FLOPs
//          layer_norm_forward_packed2: 2*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 7*N*D FLOPs
//          layer_norm_forward_packed4: 2*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 7*N*D FLOPs
//          layer_norm_forward_packed8: 2*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 7*N*D FLOPs
//          layer_norm_backward_packed2: 3*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 13*N*D FLOPs
//          layer_norm_backward_packed4: 3*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 13*N*D FLOPs
//          layer_norm_backward_packed8: 3*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 13*N*D FLOPs
//          layer_norm_backward_x: 3*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 10*N*D FLOPs
//          layer_norm_backward_columns: 2*N*D*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 5*N*D FLOPs
//          layer_norm_backward_reduce: 2*B*D*sizeof(acc_t) + 2*D*sizeof(scalar_t) bytes, 2*B*D FLOPs
// Saves    x, mean and rstd.
// Range    Rows whose squares overflow, from about 1e19 in float on, have the right result: they are read once more.
// Source   Ba, Kiros and Hinton, arXiv:1607.06450.
#include "common/scalar.cuh"
#include "common/reduce.cuh"

// For a row whose sum or squares overflowed (`sum` is no finite number then): it is divided by D before it is added up,
// and by its largest element before it is squared. A whole warp; other rows pay for one comparison.
__device__ __forceinline__ void rescue_large_row(
    acc_t& mu, acc_t& r, acc_t sum, const scalar_t* source, acc_t eps, index_t D)
{
    if (sum - sum == 0) return; // for all lanes or none: warp_sum gives each the same
    mu = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) mu += load(&source[j]) / D;
    mu = warp_sum(mu);
    acc_t largest = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) largest = larger(largest, fabs(load(&source[j]) - mu));
    largest = warp_max(largest);
    acc_t squares = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        const acc_t share = (load(&source[j]) - mu) / largest;
        squares += share * share;
    }
    r = 1 / largest / sqrt(warp_sum(squares) / D + eps / largest / largest);
}

// One warp, one row of any width, which is read three times: from the first-level cache after the first.
extern "C" __global__ void __launch_bounds__(128, 8) layer_norm_forward_rows(
    scalar_t* __restrict__ y, acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const scalar_t* __restrict__ bias, acc_t eps, index_t N, index_t D)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const scalar_t* source = x + i * D;
    acc_t sum = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) sum += load(&source[j]);
    acc_t mu = warp_sum(sum) / D;
    acc_t squares = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        const acc_t centered = load(&source[j]) - mu;
        squares += centered * centered;
    }
    squares = warp_sum(squares);
    acc_t r = 1 / sqrt(squares / D + eps);
    rescue_large_row(mu, r, squares, source, eps, D);
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        const acc_t unit = (load(&source[j]) - mu) * r;
        store(&y[i * D + j], weight ? unit * load(&weight[j]) + load(&bias[j]) : unit);
    }
    if (threadIdx.x == 0) {
        mean[i] = mu;
        rstd[i] = r;
    }
}

// The same with the row in registers: lane l holds the packs l, l + 32, ... The loops have constant length, so that the
// array never becomes memory; packs beyond the row are left out by a predicate.
template <int PACKS>
__device__ __forceinline__ void forward_packed(
    scalar_t* __restrict__ y, acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const scalar_t* __restrict__ bias, acc_t eps, index_t N, index_t D)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const int packs = (int)(D / kPackWidth);
    const pack_t* source = reinterpret_cast<const pack_t*>(x + i * D);
    pack_t row[PACKS];
    acc_t sum = 0;
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
        const int at = p * kWarpSize + threadIdx.x;
        if (at < packs) row[p] = source[at];
    }
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
        if (p * kWarpSize + (int)threadIdx.x < packs) {
#pragma unroll
            for (int k = 0; k < kPackWidth; k++) sum += load(&row[p].v[k]);
        }
    }
    acc_t mu = warp_sum(sum) / D;
    acc_t squares = 0;
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
        if (p * kWarpSize + (int)threadIdx.x < packs) {
#pragma unroll
            for (int k = 0; k < kPackWidth; k++) {
                const acc_t centered = load(&row[p].v[k]) - mu;
                squares += centered * centered;
            }
        }
    }
    squares = warp_sum(squares);
    acc_t r = 1 / sqrt(squares / D + eps);
    rescue_large_row(mu, r, squares, x + i * D, eps, D);
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
        const int at = p * kWarpSize + threadIdx.x;
        if (at < packs) {
            pack_t result;
            if (weight) {
                const pack_t scale = reinterpret_cast<const pack_t*>(weight)[at];
                const pack_t shift = reinterpret_cast<const pack_t*>(bias)[at];
#pragma unroll
                for (int k = 0; k < kPackWidth; k++) {
                    const acc_t unit = (load(&row[p].v[k]) - mu) * r;
                    store(&result.v[k], unit * load(&scale.v[k]) + load(&shift.v[k]));
                }
            } else {
#pragma unroll
                for (int k = 0; k < kPackWidth; k++) store(&result.v[k], (load(&row[p].v[k]) - mu) * r);
            }
            store_pack(y + i * D + at * kPackWidth, result);
        }
    }
    if (threadIdx.x == 0) {
        mean[i] = mu;
        rstd[i] = r;
    }
}

extern "C" __global__ void __launch_bounds__(128, 8) layer_norm_forward_packed2(
    scalar_t* __restrict__ y, acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const scalar_t* __restrict__ bias, acc_t eps, index_t N, index_t D)
{
    forward_packed<2>(y, mean, rstd, x, weight, bias, eps, N, D);
}

extern "C" __global__ void __launch_bounds__(128) layer_norm_forward_packed4(
    scalar_t* __restrict__ y, acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const scalar_t* __restrict__ bias, acc_t eps, index_t N, index_t D)
{
    forward_packed<4>(y, mean, rstd, x, weight, bias, eps, N, D);
}

extern "C" __global__ void __launch_bounds__(128) layer_norm_forward_packed8(
    scalar_t* __restrict__ y, acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const scalar_t* __restrict__ bias, acc_t eps, index_t N, index_t D)
{
    forward_packed<8>(y, mean, rstd, x, weight, bias, eps, N, D);
}

// One pass over dy and x: dx, and on the way the column sums. A lane's columns are the same in every row, so their sums
// stay in its registers until the warps of the block add theirs up, one after the other.
template <int PACKS>
__device__ __forceinline__ void backward_packed(
    scalar_t* __restrict__ dx, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ x, const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean,
    const acc_t* __restrict__ rstd, index_t N, index_t D)
{
    const int packs = (int)(D / kPackWidth);
    acc_t d_weight[PACKS][kPackWidth];
    acc_t d_bias[PACKS][kPackWidth];
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
#pragma unroll
        for (int k = 0; k < kPackWidth; k++) d_weight[p][k] = d_bias[p][k] = 0;
    }
    const index_t step = (index_t)gridDim.x * blockDim.y;
    for (index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y; i < N; i += step) {
        pack_t upstream[PACKS];
        pack_t source[PACKS];
#pragma unroll
        for (int p = 0; p < PACKS; p++) {
            const int at = p * kWarpSize + threadIdx.x;
            if (at < packs) {
                upstream[p] = reinterpret_cast<const pack_t*>(dy + i * D)[at];
                source[p] = reinterpret_cast<const pack_t*>(x + i * D)[at];
            }
        }
        const acc_t mu = mean[i];
        const acc_t r = rstd[i];
        acc_t g_sum = 0;
        acc_t along_sum = 0;
#pragma unroll
        for (int p = 0; p < PACKS; p++) {
            const int at = p * kWarpSize + threadIdx.x;
            if (at < packs) {
                pack_t scale;
                if (weight) scale = reinterpret_cast<const pack_t*>(weight)[at];
#pragma unroll
                for (int k = 0; k < kPackWidth; k++) {
                    const acc_t unit = (load(&source[p].v[k]) - mu) * r;
                    const acc_t u = load(&upstream[p].v[k]);
                    const acc_t g = weight ? u * load(&scale.v[k]) : u;
                    g_sum += g;
                    along_sum += g * unit;
                    d_weight[p][k] += u * unit;
                    d_bias[p][k] += u;
                }
            }
        }
        const acc_t g_mean = warp_sum(g_sum) / D;
        const acc_t along_mean = warp_sum(along_sum) / D;
#pragma unroll
        for (int p = 0; p < PACKS; p++) {
            const int at = p * kWarpSize + threadIdx.x;
            if (at < packs) {
                pack_t scale; // read again, from the first-level cache: registers are scarcer
                if (weight) scale = reinterpret_cast<const pack_t*>(weight)[at];
                pack_t result;
#pragma unroll
                for (int k = 0; k < kPackWidth; k++) {
                    const acc_t unit = (load(&source[p].v[k]) - mu) * r;
                    const acc_t u = load(&upstream[p].v[k]);
                    const acc_t g = weight ? u * load(&scale.v[k]) : u;
                    store(&result.v[k], (g - g_mean - unit * along_mean) * r);
                }
                store_pack(dx + i * D + at * kPackWidth, result);
            }
        }
    }
    if (!partials) return;

    DYNAMIC_SHARED(acc_t, sums); // [2, D]
    for (int turn = 0; turn < (int)blockDim.y; turn++) {
        if ((int)threadIdx.y == turn) {
#pragma unroll
            for (int p = 0; p < PACKS; p++) {
                const int at = p * kWarpSize + threadIdx.x;
                if (at < packs) {
#pragma unroll
                    for (int k = 0; k < kPackWidth; k++) {
                        const int j = at * kPackWidth + k;
                        sums[j] = turn == 0 ? d_weight[p][k] : sums[j] + d_weight[p][k];
                        sums[D + j] = turn == 0 ? d_bias[p][k] : sums[D + j] + d_bias[p][k];
                    }
                }
            }
        }
        __syncthreads();
    }
    const int thread = threadIdx.x + threadIdx.y * blockDim.x;
    for (index_t j = thread; j < 2 * D; j += blockDim.x * blockDim.y)
        partials[(index_t)blockIdx.x * 2 * D + j] = sums[j];
}

extern "C" __global__ void __launch_bounds__(256, 2) layer_norm_backward_packed2(
    scalar_t* __restrict__ dx, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ x, const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean,
    const acc_t* __restrict__ rstd, index_t N, index_t D)
{
    backward_packed<2>(dx, partials, dy, x, weight, mean, rstd, N, D);
}

extern "C" __global__ void __launch_bounds__(256, 2) layer_norm_backward_packed4(
    scalar_t* __restrict__ dx, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ x, const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean,
    const acc_t* __restrict__ rstd, index_t N, index_t D)
{
    backward_packed<4>(dx, partials, dy, x, weight, mean, rstd, N, D);
}

extern "C" __global__ void __launch_bounds__(256) layer_norm_backward_packed8(
    scalar_t* __restrict__ dx, acc_t* __restrict__ partials, const scalar_t* __restrict__ dy,
    const scalar_t* __restrict__ x, const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean,
    const acc_t* __restrict__ rstd, index_t N, index_t D)
{
    backward_packed<8>(dx, partials, dy, x, weight, mean, rstd, N, D);
}

extern "C" __global__ void __launch_bounds__(128, 8) layer_norm_backward_x(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean, const acc_t* __restrict__ rstd, index_t N,
    index_t D)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const acc_t mu = mean[i];
    const acc_t r = rstd[i];
    acc_t g_sum = 0;
    acc_t along_sum = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        const acc_t g = load(&dy[i * D + j]) * (weight ? load(&weight[j]) : acc_t(1));
        g_sum += g;
        along_sum += g * ((load(&x[i * D + j]) - mu) * r);
    }
    const acc_t g_mean = warp_sum(g_sum) / D;
    const acc_t along_mean = warp_sum(along_sum) / D;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        const acc_t g = load(&dy[i * D + j]) * (weight ? load(&weight[j]) : acc_t(1));
        const acc_t unit = (load(&x[i * D + j]) - mu) * r;
        store(&dx[i * D + j], (g - g_mean - unit * along_mean) * r);
    }
}

// 32 columns of one chunk of rows.
extern "C" __global__ void __launch_bounds__(256) layer_norm_backward_columns(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x,
    const acc_t* __restrict__ mean, const acc_t* __restrict__ rstd, index_t chunk, index_t N, index_t D)
{
    const index_t tiles = (D + kWarpSize - 1) / kWarpSize;
    const index_t j = blockIdx.x % tiles * kWarpSize + threadIdx.x;
    const index_t block = blockIdx.x / tiles;
    const index_t end = (block + 1) * chunk < N ? (block + 1) * chunk : N;
    acc_t d_weight = 0;
    acc_t d_bias = 0;
    if (j < D) {
        for (index_t i = block * chunk + threadIdx.y; i < end; i += blockDim.y) {
            const acc_t u = load(&dy[i * D + j]);
            d_weight += u * ((load(&x[i * D + j]) - mean[i]) * rstd[i]);
            d_bias += u;
        }
    }
    d_weight = column_sum(d_weight);
    d_bias = column_sum(d_bias);
    if (threadIdx.y == 0 && j < D) {
        partials[block * 2 * D + j] = d_weight;
        partials[block * 2 * D + D + j] = d_bias;
    }
}

// Adds the B partials of each column, always in the same order.
extern "C" __global__ void __launch_bounds__(256) layer_norm_backward_reduce(
    scalar_t* __restrict__ d_weight, scalar_t* __restrict__ d_bias, const acc_t* __restrict__ partials, index_t B,
    index_t D)
{
    const index_t j = (index_t)blockIdx.x * kWarpSize + threadIdx.x;
    acc_t sum = 0;
    if (j < 2 * D) {
        for (index_t b = threadIdx.y; b < B; b += blockDim.y) sum += partials[b * 2 * D + j];
    }
    sum = column_sum(sum);
    if (threadIdx.y == 0 && j < 2 * D) {
        if (j < D) store(&d_weight[j], sum);
        else store(&d_bias[j - D], sum);
    }
}
