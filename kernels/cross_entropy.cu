// CrossEntropy: mean cross entropy of class labels under the softmax of logits. Forward and backward.
//   t_ij = (1 - s) * [j = label_i] + s / C,  m_i = max_j x_ij,  l_i = log(sum_j exp(x_ij - m_i))
//   loss = 1 / N * sum_i (l_i - sum_j t_ij * (x_ij - m_i))
//   dx_ij = dy / N * (exp(x_ij - m_i - l_i) - t_ij)
// Shapes   x, dx [N, C], rows contiguous; labels, losses, log_sum [N]; loss and dy of one element. N, C >= 1.
//          Exactly one of labels32 and labels64 is not null. A label that is no class makes its row NaN.
// Types    x, dx scalar_t; everything real besides acc_t.
// Builds   f64 f32 bf16
// Launch   forward, backward   block (32, 4): one warp per row; grid ceil(N / 4); no shared memory.
//          mean                block 512, grid 1.
//          packed is 1 where rows are whole 16-byte packs at addresses that are multiples of 16, else 0.
// Cost     cross_entropy_forward: N*C*sizeof(scalar_t) + 2*N*sizeof(acc_t) bytes, 5*N*C FLOPs
//          cross_entropy_mean: N*sizeof(acc_t) bytes, N FLOPs
//          cross_entropy_backward: 2*N*C*sizeof(scalar_t) + N*sizeof(acc_t) bytes, 6*N*C FLOPs
// Saves    x, the labels and log_sum.
// Source   Label smoothing: Szegedy et al., arXiv:1512.00567, section 7.
#include "common/softmax.cuh"

__device__ __forceinline__ index_t label_of(const int* labels32, const index_t* labels64, index_t i)
{
    return labels64 ? labels64[i] : (index_t)labels32[i];
}

extern "C" __global__ void __launch_bounds__(128, 8) cross_entropy_forward(
    acc_t* __restrict__ losses, acc_t* __restrict__ log_sum, const scalar_t* __restrict__ x,
    const int* __restrict__ labels32, const index_t* __restrict__ labels64, acc_t s, index_t N, index_t C, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const scalar_t* row = x + i * C;
    const acc_t largest = row_max(row, C, packed);
    const acc_t l = log(row_sum_exp(row, largest, C, packed));
    acc_t mean = 0;
    if (s > 0) { // else an infinite logit would make 0 * infinity
        read_row(row, C, packed, [&](index_t, acc_t v) { mean += v - largest; });
        mean = warp_sum(mean) / (acc_t)C;
    }
    if (threadIdx.x == 0) {
        const index_t label = label_of(labels32, labels64, i);
        const acc_t hit = label >= 0 && label < C ? load(&row[label]) - largest : acc_nan();
        losses[i] = l - ((1 - s) * hit + s * mean);
        log_sum[i] = l;
    }
}

extern "C" __global__ void __launch_bounds__(512) cross_entropy_mean(
    acc_t* __restrict__ loss, const acc_t* __restrict__ losses, index_t N)
{
    acc_t sum = 0;
    for (index_t i = threadIdx.x; i < N; i += blockDim.x) sum += losses[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) loss[0] = sum / (acc_t)N;
}

extern "C" __global__ void __launch_bounds__(128, 8) cross_entropy_backward(
    scalar_t* __restrict__ dx, const acc_t* __restrict__ dy, const scalar_t* __restrict__ x,
    const int* __restrict__ labels32, const index_t* __restrict__ labels64, const acc_t* __restrict__ log_sum, acc_t s,
    index_t N, index_t C, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const acc_t largest = row_max(x + i * C, C, packed);
    const acc_t l = log_sum[i];
    const index_t label = label_of(labels32, labels64, i);
    const acc_t scale = label >= 0 && label < C ? dy[0] / (acc_t)N : acc_nan();
    const acc_t floor = s / (acc_t)C;
    map_row(dx + i * C, x + i * C, C, packed, [&](index_t j, acc_t v) {
        const acc_t miss = exp((v - largest) - l) - floor;
        return (j == label ? miss - (1 - s) : miss) * scale;
    });
}
