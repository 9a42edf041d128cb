// BatchNorm: normalize every channel over the rows of its group, then scale and shift it. Forward and backward.
//   training    mu, v: mean and biased variance of the n = R*S values that a channel has in a group; r = 1 / sqrt(v + eps)
//               running <- (1 - m) * running + m * batch, group after group, with the unbiased variance v * n / (n - 1)
//   evaluation  mu, v: the running statistics
//   y  = (x - mu) * (r * weight) + bias
//   dx = r * weight * (dy - mean(dy) - u * mean(dy * u)) with u = (x - mu) * r in training; r * weight * dy in evaluation
//   d_weight = sum dy * u,  d_bias = sum dy, over all rows
// Shapes   x, y, dx, dy [G*R, C, S]: G groups of R rows; S = 1 is a matrix. weight, bias, running_* [C]; mean, rstd [G, C].
//          Each group is cut into K chunks of `chunk` rows, the last one shorter.
//          partials [G*K, 2, C]: mean and sum of squared distances from it, or the sums of dy and of dy * u; sums [G, 2, C].
//          weight and bias may be null together; d_weight and d_bias too, and sums of batch_norm_dx for evaluation.
// Types    x, y, dx, dy, weight, bias and their gradients scalar_t; everything else acc_t.
// Builds   f64 f32 bf16
// Launch   moments, apply, backward_sums, dx   block (32, 8), one for each chunk and each 32 columns of a matrix or each
//                                              channel of planes; grid G * K * (S == 1 ? ceil(C / 32) : C).
//          finish, evaluate, backward_finish   one thread per channel.
// Cost     batch_norm_moments: G*R*C*S*sizeof(scalar_t) + 2*G*K*C*sizeof(acc_t) bytes, 5*G*R*C*S FLOPs
//          batch_norm_finish: 2*G*K*C*sizeof(acc_t) + 2*G*C*sizeof(acc_t) + 4*C*sizeof(acc_t) bytes, 9*G*K*C FLOPs
//          batch_norm_evaluate: 4*C*sizeof(acc_t) bytes, 3*C FLOPs
//          batch_norm_apply: 2*G*R*C*S*sizeof(scalar_t) bytes, 3*G*R*C*S FLOPs
//          batch_norm_backward_sums: 2*G*R*C*S*sizeof(scalar_t) + 2*G*K*C*sizeof(acc_t) bytes, 5*G*R*C*S FLOPs
//          batch_norm_backward_finish: 2*G*K*C*sizeof(acc_t) + 2*G*C*sizeof(acc_t) bytes, 2*G*K*C FLOPs
//          batch_norm_dx: 3*G*R*C*S*sizeof(scalar_t) bytes, 6*G*R*C*S FLOPs
// Saves    x, mean and rstd.
// Source   Ioffe and Szegedy, arXiv:1502.03167; sums of squares are joined as in Chan, Golub and LeVeque, "Updating
//          formulae and a pairwise algorithm for computing sample variances", 1979.
#include "common/scalar.cuh"
#include "common/reduce.cuh"

constexpr int kBlockRows = 8;
constexpr int kBlockThreads = kBlockRows * kWarpSize;

// The elements of one channel in one chunk that fall to this thread. In a matrix a lane owns a channel and the block's
// rows share its values out; in planes all threads of the block walk through one channel.
struct Visit {
    index_t channel;
    index_t group;
    index_t block; // group * K + chunk
    index_t count; // values of the channel in this chunk, all threads together
    index_t row;   // where the thread is; past the end for lanes beyond the last channel
    index_t end;
    index_t s;
    index_t at; // offset of the element
    index_t row_step;
    index_t s_step;
    bool writes; // exactly one thread for each channel

    __device__ __forceinline__ Visit(index_t chunk, index_t K, index_t R, index_t C, index_t S)
    {
        const bool is_matrix = S == 1;
        const index_t tiles = is_matrix ? (C + kWarpSize - 1) / kWarpSize : C;
        const index_t tile = blockIdx.x % tiles;
        const int thread = threadIdx.x + threadIdx.y * kWarpSize;
        block = blockIdx.x / tiles;
        group = block / K;
        const index_t first = block % K * chunk;
        const index_t last = first + chunk < R ? first + chunk : R;
        channel = is_matrix ? tile * kWarpSize + threadIdx.x : tile;
        count = (last - first) * S;
        end = group * R + last;
        row = group * R + first + (is_matrix ? threadIdx.y : thread / S);
        s = is_matrix ? 0 : thread % S;
        row_step = is_matrix ? kBlockRows : kBlockThreads / S;
        s_step = is_matrix ? 0 : kBlockThreads % S;
        writes = is_matrix ? threadIdx.y == 0 && channel < C : thread == 0;
        if (channel >= C) row = end;
        at = (row * C + channel) * S + s;
    }

    __device__ __forceinline__ bool is_inside() const { return row < end; }

    __device__ __forceinline__ void advance(index_t C, index_t S)
    {
        row += row_step;
        s += s_step;
        at += row_step * C * S + s_step;
        if (s >= S) {
            s -= S;
            row++;
            at += (C - 1) * S;
        }
    }
};

// Sum over the threads that share a channel.
__device__ __forceinline__ acc_t channel_sum(acc_t v, index_t S) { return S == 1 ? column_sum(v) : block_sum(v); }

// Two passes over the chunk, the second from the cache.
extern "C" __global__ void __launch_bounds__(256) batch_norm_moments(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ x, index_t chunk, index_t K, index_t G, index_t R,
    index_t C, index_t S)
{
    const Visit start(chunk, K, R, C, S);
    acc_t sum = 0;
    for (Visit v = start; v.is_inside(); v.advance(C, S)) sum += load(&x[v.at]);
    const acc_t mean = channel_sum(sum, S) / start.count;
    acc_t rest = 0;
    acc_t squares = 0;
    for (Visit v = start; v.is_inside(); v.advance(C, S)) {
        const acc_t centered = load(&x[v.at]) - mean;
        rest += centered;
        squares += centered * centered;
    }
    rest = channel_sum(rest, S); // zero but for the rounding of the mean, which this takes back
    squares = channel_sum(squares, S);
    if (start.writes) {
        partials[start.block * 2 * C + start.channel] = mean + rest / start.count;
        partials[start.block * 2 * C + C + start.channel] = squares - rest * rest / start.count;
    }
}

extern "C" __global__ void __launch_bounds__(128) batch_norm_finish(
    acc_t* __restrict__ mean, acc_t* __restrict__ rstd, acc_t* __restrict__ running_mean,
    acc_t* __restrict__ running_variance, const acc_t* __restrict__ partials, acc_t momentum, acc_t eps, index_t chunk,
    index_t K, index_t G, index_t R, index_t C, index_t S)
{
    const index_t c = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= C) return;
    const acc_t n = (acc_t)(R * S);
    acc_t moving_mean = running_mean[c];
    acc_t moving_variance = running_variance[c];
    for (index_t g = 0; g < G; g++) {
        const acc_t* means = partials + g * K * 2 * C + c;
        const acc_t* squares = means + C;

        // Distances from the first chunk's mean: a large common mean costs no digits.
        acc_t distance = 0;
        for (index_t k = 1; k < K; k++) {
            const index_t rows = k + 1 < K ? chunk : R - k * chunk;
            distance += (acc_t)(rows * S) * (means[k * 2 * C] - means[0]);
        }
        const acc_t mu = means[0] + distance / n;
        acc_t sum = 0;
        for (index_t k = 0; k < K; k++) {
            const index_t rows = k + 1 < K ? chunk : R - k * chunk;
            const acc_t d = means[k * 2 * C] - mu;
            sum += squares[k * 2 * C] + (acc_t)(rows * S) * d * d;
        }
        const acc_t variance = sum / n;
        mean[g * C + c] = mu;
        rstd[g * C + c] = 1 / sqrt(variance + eps);
        moving_mean = (1 - momentum) * moving_mean + momentum * mu;
        moving_variance = (1 - momentum) * moving_variance + momentum * (n / (n - 1)) * variance;
    }
    running_mean[c] = moving_mean;
    running_variance[c] = moving_variance;
}

// A copy of the running mean, so that a later training step does not change what this call's backward pass needs.
extern "C" __global__ void __launch_bounds__(128) batch_norm_evaluate(
    acc_t* __restrict__ mean, acc_t* __restrict__ rstd, const acc_t* __restrict__ running_mean,
    const acc_t* __restrict__ running_variance, acc_t eps, index_t C)
{
    const index_t c = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= C) return;
    mean[c] = running_mean[c];
    rstd[c] = 1 / sqrt(running_variance[c] + eps);
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_apply(
    scalar_t* __restrict__ y, const scalar_t* __restrict__ x, const scalar_t* __restrict__ weight,
    const scalar_t* __restrict__ bias, const acc_t* __restrict__ mean, const acc_t* __restrict__ rstd, index_t chunk,
    index_t K, index_t G, index_t R, index_t C, index_t S)
{
    Visit v(chunk, K, R, C, S);
    if (!v.is_inside()) return;
    const acc_t mu = mean[v.group * C + v.channel];
    acc_t scale = rstd[v.group * C + v.channel];
    acc_t shift = 0;
    if (weight) {
        scale *= load(&weight[v.channel]);
        shift = load(&bias[v.channel]);
    }
    for (; v.is_inside(); v.advance(C, S)) store(&y[v.at], (load(&x[v.at]) - mu) * scale + shift);
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_backward_sums(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x,
    const acc_t* __restrict__ mean, const acc_t* __restrict__ rstd, index_t chunk, index_t K, index_t G, index_t R,
    index_t C, index_t S)
{
    Visit v(chunk, K, R, C, S);
    acc_t sum = 0;
    acc_t along = 0;
    if (v.is_inside()) {
        const acc_t mu = mean[v.group * C + v.channel];
        const acc_t r = rstd[v.group * C + v.channel];
        for (; v.is_inside(); v.advance(C, S)) {
            const acc_t u = load(&dy[v.at]);
            sum += u;
            along += u * ((load(&x[v.at]) - mu) * r);
        }
    }
    sum = channel_sum(sum, S);
    along = channel_sum(along, S);
    if (v.writes) {
        partials[v.block * 2 * C + v.channel] = sum;
        partials[v.block * 2 * C + C + v.channel] = along;
    }
}

extern "C" __global__ void __launch_bounds__(128) batch_norm_backward_finish(
    scalar_t* __restrict__ d_weight, scalar_t* __restrict__ d_bias, acc_t* __restrict__ sums,
    const acc_t* __restrict__ partials, index_t K, index_t G, index_t C)
{
    const index_t c = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= C) return;
    acc_t all_sum = 0;
    acc_t all_along = 0;
    for (index_t g = 0; g < G; g++) {
        acc_t sum = 0;
        acc_t along = 0;
        for (index_t b = g * K; b < (g + 1) * K; b++) {
            sum += partials[b * 2 * C + c];
            along += partials[b * 2 * C + C + c];
        }
        sums[g * 2 * C + c] = sum;
        sums[g * 2 * C + C + c] = along;
        all_sum += sum;
        all_along += along;
    }
    if (d_weight) {
        store(&d_weight[c], all_along);
        store(&d_bias[c], all_sum);
    }
}

extern "C" __global__ void __launch_bounds__(256) batch_norm_dx(
    scalar_t* __restrict__ dx, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ x,
    const scalar_t* __restrict__ weight, const acc_t* __restrict__ mean, const acc_t* __restrict__ rstd,
    const acc_t* __restrict__ sums, index_t chunk, index_t K, index_t G, index_t R, index_t C, index_t S)
{
    Visit v(chunk, K, R, C, S);
    if (!v.is_inside()) return;
    const acc_t r = rstd[v.group * C + v.channel];
    const acc_t scale = weight ? r * load(&weight[v.channel]) : r;
    if (!sums) {
        for (; v.is_inside(); v.advance(C, S)) store(&dx[v.at], load(&dy[v.at]) * scale);
        return;
    }
    const acc_t n = (acc_t)(R * S);
    const acc_t mu = mean[v.group * C + v.channel];
    const acc_t offset = sums[v.group * 2 * C + v.channel] / n;
    const acc_t slope = r * (sums[v.group * 2 * C + C + v.channel] / n);
    for (; v.is_inside(); v.advance(C, S)) {
        store(&dx[v.at], (load(&dy[v.at]) - offset - (load(&x[v.at]) - mu) * slope) * scale);
    }
}
