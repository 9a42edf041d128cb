// InfoNce: find the key of each query among all keys, by similarity over temperature. Forward and backward.
//   a_i = 1 / max(|q_i|, eps),  b_j = 1 / max(|k_j|, eps)
//   s_ij = a_i * b_j * (q_i . k_j) / tau,  L_i = log(sum_j exp(s_ij)),  p(i) = i + offset
//   loss = 2 * tau / N * sum_i (L_i - s_i,p(i))
//   g_i = sum_j (exp(s_ij - L_i) - [j = p(i)]) * b_j * k_j: tau cancels
//   dq_i = dy * 2 / N * a_i * (g_i - u_i * (u_i . g_i)) with u_i = a_i * q_i; without the second term where |q_i| <= eps
// Shapes   q, dq [N, D] and k [M, D], rows of any length; log_sum_exp, q_inverse (a) [N], k_inverse (b) [M]; loss and dy of
//          one element. N, D >= 1, M >= N + offset. The keys are cut into K splits of `chunk` keys, a multiple of 64, the
//          last one shorter: maxima, sums [K, N], positive [N], partials [K, N, D].
// Types    q, k, dq scalar_t; everything else acc_t.
// Builds   f64 f32 bf16
// Launch   lengths    block (32, 4): one warp per row; grid ceil(N / 4).
//          forward    block (16, 16), grid ceil(N / 64) * K: 64 queries against one split, tile by tile of 64 keys.
//          finish     block 512, grid 1.
//          backward   block (16, 16), grid ceil(N / 64) * K * ceil(D / 256): as forward, for up to 256 columns of dq.
//          backward_reduce   block (32, 4): one warp per query; grid ceil(N / 4).
//          packed is 1 where rows are whole 16-byte packs at addresses that are multiples of 16, else 0.
//          info_nce_mma.cu has siblings of forward and backward for tensor cores.
// Cost     info_nce_lengths: N*D*sizeof(scalar_t) + N*sizeof(acc_t) bytes, 2*N*D FLOPs
//          info_nce_forward: (N+M)*D*sizeof(scalar_t) + 2*N*K*sizeof(acc_t) bytes, 2*N*M*D + 5*N*M FLOPs
//          info_nce_finish: 2*N*K*sizeof(acc_t) + 2*N*sizeof(acc_t) bytes, 5*N*K FLOPs
//          info_nce_backward: (N+M)*D*sizeof(scalar_t) + K*N*D*sizeof(acc_t) bytes, 4*N*M*D + 5*N*M FLOPs
//          info_nce_backward_reduce: K*N*D*sizeof(acc_t) + 2*N*D*sizeof(scalar_t) bytes, (K+5)*N*D FLOPs
// Saves    q, k and log_sum_exp; the N x M similarities exist as tiles in registers only.
// Source   Chen, Xie and He, arXiv:2104.02057, algorithm 1; running log-sum-exp: Milakov and Gimelshein, arXiv:1805.02867.
#include "common/scalar.cuh"
#include "common/reduce.cuh"
#include "common/rows.cuh"

constexpr int kSide = 64;                 // queries, keys and columns of a tile
constexpr int kSlab = 16;                 // length of the inner products that is in shared memory at a time
constexpr int kEach = 4;                  // rows, and columns, of a tile that a thread computes
constexpr int kPitch = kSide / kEach + 1; // of a tile in shared memory, in quads; one more against bank conflicts
constexpr int kColumns = 256;             // of g that a block forms
constexpr int kForwardBlocks = sizeof(acc_t) == 8 ? 1 : 3; // of a multiprocessor: without the number ptxas spills on sm_89
constexpr int kRead = sizeof(scalar_t) == 8 ? 2 : 4; // elements of one access

typedef Pack<acc_t, kEach> quad_t;
typedef Pack<scalar_t, kRead> read_t;

// tile[c][r] = source[first + r, column + c] for r < 64 and c < 16: transposed, so that a thread's four rows are one
// access. Zeros beyond the matrix.
__device__ __forceinline__ void load_columns(
    quad_t* tile, const scalar_t* __restrict__ source, index_t first, index_t column, index_t rows, index_t D, int packed)
{
    const int thread = threadIdx.x + threadIdx.y * blockDim.x;
    const int r = thread / 4;
    const int c = thread % 4 * kEach;
    acc_t* target = reinterpret_cast<acc_t*>(tile) + c * kPitch * kEach + r;
    const scalar_t* row = source + (first + r) * D + column + c;
    const index_t inside = first + r < rows ? D - column - c : 0; // columns from here to the row's end
#pragma unroll
    for (int e = 0; e < kEach; e += kRead) {
        read_t v;
        if (packed && e < inside) v = *reinterpret_cast<const read_t*>(row + e);
#pragma unroll
        for (int k = 0; k < kRead; k++) {
            acc_t value = 0;
            if (e + k < inside) value = packed ? load(&v.v[k]) : load(row + e + k);
            target[(e + k) * kPitch * kEach] = value;
        }
    }
}

// tile[r][c] = source[first + r, column + c] for r < 16 and c < 64. Zeros beyond the matrix.
__device__ __forceinline__ void load_rows(
    quad_t* tile, const scalar_t* __restrict__ source, index_t first, index_t column, index_t rows, index_t D, int packed)
{
    const int r = threadIdx.y;
    const int c = threadIdx.x * kEach;
    const scalar_t* row = source + (first + r) * D + column + c;
    const index_t inside = first + r < rows ? D - column - c : 0;
    quad_t quad;
#pragma unroll
    for (int e = 0; e < kEach; e += kRead) {
        read_t v;
        if (packed && e < inside) v = *reinterpret_cast<const read_t*>(row + e);
#pragma unroll
        for (int k = 0; k < kRead; k++) {
            quad.v[e + k] = 0;
            if (e + k < inside) quad.v[e + k] = packed ? load(&v.v[k]) : load(row + e + k);
        }
    }
    tile[r * kPitch + threadIdx.x] = quad;
}

// sum[r][c] += a[r] * b[c] for each of the first `steps` rows of two tiles, which hold this thread's a and b.
__device__ __forceinline__ void multiply(acc_t sum[kEach][kEach], const quad_t* a, const quad_t* b, int steps)
{
#pragma unroll 8
    for (int step = 0; step < steps; step++) {
        const quad_t left = a[step * kPitch + threadIdx.y];
        const quad_t right = b[step * kPitch + threadIdx.x];
#pragma unroll
        for (int r = 0; r < kEach; r++) {
#pragma unroll
            for (int c = 0; c < kEach; c++) sum[r][c] += left.v[r] * right.v[c];
        }
    }
}

// a_i / tau of this thread's queries. For those that do not exist, 0.
__device__ __forceinline__ quad_t query_scales(const acc_t* __restrict__ q_inverse, index_t query, acc_t inverse, index_t N)
{
    quad_t scales;
#pragma unroll
    for (int r = 0; r < kEach; r++) {
        const index_t i = query + threadIdx.y * kEach + r;
        scales.v[r] = i < N ? q_inverse[i] * inverse : acc_t(0);
    }
    return scales;
}

// b_j of this thread's keys. For those that do not exist, 0.
__device__ __forceinline__ quad_t key_scales(const acc_t* __restrict__ k_inverse, index_t key, index_t M)
{
    quad_t scales;
#pragma unroll
    for (int c = 0; c < kEach; c++) {
        const index_t j = key + threadIdx.x * kEach + c;
        scales.v[c] = j < M ? k_inverse[j] : acc_t(0);
    }
    return scales;
}

// The similarities of 64 queries and 64 keys over the temperature: this thread's 4 x 4 of them. Keys that do not exist
// get minus infinity. Begins with a barrier, before the tiles are overwritten.
__device__ __forceinline__ void similarities(
    acc_t s[kEach][kEach], quad_t* q_tile, quad_t* k_tile, const scalar_t* __restrict__ q, const scalar_t* __restrict__ k,
    index_t query, index_t key, const quad_t& q_scales, const quad_t& k_scales, index_t N, index_t M, index_t D, int packed)
{
#pragma unroll
    for (int r = 0; r < kEach; r++) {
#pragma unroll
        for (int c = 0; c < kEach; c++) s[r][c] = 0;
    }
    for (index_t column = 0; column < D; column += kSlab) {
        __syncthreads();
        load_columns(q_tile, q, query, column, N, D, packed);
        load_columns(k_tile, k, key, column, M, D, packed);
        __syncthreads();
        multiply(s, q_tile, k_tile, D - column < kSlab ? (int)(D - column) : kSlab);
    }
#pragma unroll
    for (int c = 0; c < kEach; c++) {
        const bool exists = key + threadIdx.x * kEach + c < M;
#pragma unroll
        for (int r = 0; r < kEach; r++) s[r][c] = exists ? s[r][c] * q_scales.v[r] * k_scales.v[c] : -acc_infinity();
    }
}

// 1 / max(|x_i|, eps) of every row.
extern "C" __global__ void __launch_bounds__(128, 8) info_nce_lengths(
    acc_t* __restrict__ inverse, const scalar_t* __restrict__ x, acc_t eps, index_t N, index_t D, int packed)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    acc_t sum = 0;
    read_row(x + i * D, D, packed, [&](index_t, acc_t v) { sum += v * v; });
    const acc_t norm = sqrt(warp_sum(sum));
    if (threadIdx.x == 0) inverse[i] = 1 / (norm > eps ? norm : eps);
}

extern "C" __global__ void __launch_bounds__(256, kForwardBlocks) info_nce_forward(
    acc_t* __restrict__ maxima, acc_t* __restrict__ sums, acc_t* __restrict__ positive, const scalar_t* __restrict__ q,
    const scalar_t* __restrict__ k, const acc_t* __restrict__ q_inverse, const acc_t* __restrict__ k_inverse,
    acc_t inverse, index_t offset, index_t chunk, index_t K, index_t N, index_t M, index_t D, int packed)
{
    __shared__ quad_t q_tile[kSlab * kPitch];
    __shared__ quad_t k_tile[kSlab * kPitch];
    const index_t blocks = (N + kSide - 1) / kSide;
    const index_t query = blockIdx.x % blocks * kSide;
    const index_t split = blockIdx.x / blocks;
    const index_t end = (split + 1) * chunk < M ? (split + 1) * chunk : M;
    const quad_t q_scales = query_scales(q_inverse, query, inverse, N);
    acc_t largest[kEach];
    acc_t sum[kEach]; // of exp(s - largest) over the keys seen so far
#pragma unroll
    for (int r = 0; r < kEach; r++) {
        largest[r] = -acc_infinity();
        sum[r] = 0;
    }
    for (index_t key = split * chunk; key < end; key += kSide) {
        acc_t s[kEach][kEach];
        const quad_t k_scales = key_scales(k_inverse, key, M);
        similarities(s, q_tile, k_tile, q, k, query, key, q_scales, k_scales, N, M, D, packed);
#pragma unroll
        for (int r = 0; r < kEach; r++) {
            const index_t i = query + threadIdx.y * kEach + r;
            acc_t now = largest[r];
#pragma unroll
            for (int c = 0; c < kEach; c++) {
                now = larger(now, s[r][c]);
                if (i < N && key + threadIdx.x * kEach + c == i + offset) positive[i] = s[r][c];
            }
            // The 16 threads of a row are neighbours in one warp.
#pragma unroll
            for (int lane = 1; lane < 16; lane <<= 1) now = larger(now, __shfl_xor_sync(kFullWarp, now, lane));
            acc_t more = 0;
#pragma unroll
            for (int c = 0; c < kEach; c++) more += exp(s[r][c] - now);
#pragma unroll
            for (int lane = 1; lane < 16; lane <<= 1) more += __shfl_xor_sync(kFullWarp, more, lane);
            sum[r] = sum[r] * exp(largest[r] - now) + more;
            largest[r] = now;
        }
    }
#pragma unroll
    for (int r = 0; r < kEach; r++) {
        const index_t i = query + threadIdx.y * kEach + r;
        if (threadIdx.x == 0 && i < N) {
            maxima[split * N + i] = largest[r];
            sums[split * N + i] = sum[r];
        }
    }
}

// Joins the splits of each query and adds the queries up, always in the same order.
extern "C" __global__ void __launch_bounds__(512) info_nce_finish(
    acc_t* __restrict__ loss, acc_t* __restrict__ log_sum_exp, const acc_t* __restrict__ maxima,
    const acc_t* __restrict__ sums, const acc_t* __restrict__ positive, acc_t temperature, index_t K, index_t N)
{
    acc_t total = 0;
    for (index_t i = threadIdx.x; i < N; i += blockDim.x) {
        acc_t largest = maxima[i];
        for (index_t split = 1; split < K; split++) largest = larger(largest, maxima[split * N + i]);
        acc_t sum = 0;
        for (index_t split = 0; split < K; split++) sum += sums[split * N + i] * exp(maxima[split * N + i] - largest);

        // L - s_p = log(sum) + (largest - s_p): the large parts cancel before anything is added to them.
        total += log(sum) + (largest - positive[i]);
        log_sum_exp[i] = log(sum) + largest;
    }
    total = block_sum(total);
    if (threadIdx.x == 0) loss[0] = 2 * temperature * total / (acc_t)N;
}

extern "C" __global__ void __launch_bounds__(256) info_nce_backward(
    acc_t* __restrict__ partials, const scalar_t* __restrict__ q, const scalar_t* __restrict__ k,
    const acc_t* __restrict__ log_sum_exp, const acc_t* __restrict__ q_inverse, const acc_t* __restrict__ k_inverse,
    acc_t inverse, index_t offset, index_t chunk, index_t K, index_t N, index_t M, index_t D, int packed)
{
    // First the tiles of q and k, then one of k beside the shares of all 64 keys.
    __shared__ quad_t k_tile[kSlab * kPitch];
    __shared__ quad_t other[kSide * kPitch];
    const index_t blocks = (N + kSide - 1) / kSide;
    const index_t query = blockIdx.x % blocks * kSide;
    const index_t split = blockIdx.x / blocks % K;
    const index_t column = blockIdx.x / blocks / K * kColumns;
    const index_t end = (split + 1) * chunk < M ? (split + 1) * chunk : M;
    const quad_t q_scales = query_scales(q_inverse, query, inverse, N);
    acc_t l[kEach];
    acc_t g[kColumns / kSide][kEach][kEach];
#pragma unroll
    for (int r = 0; r < kEach; r++) {
        const index_t i = query + threadIdx.y * kEach + r;
        l[r] = i < N ? log_sum_exp[i] : acc_t(0);
#pragma unroll
        for (int part = 0; part < kColumns / kSide; part++) {
#pragma unroll
            for (int c = 0; c < kEach; c++) g[part][r][c] = 0;
        }
    }
    for (index_t key = split * chunk; key < end; key += kSide) {
        acc_t s[kEach][kEach];
        const quad_t k_scales = key_scales(k_inverse, key, M);
        similarities(s, other, k_tile, q, k, query, key, q_scales, k_scales, N, M, D, packed);
        __syncthreads();

        // other[key][query]: the share of each key in each query, less 1 for its own, over the key's length.
#pragma unroll
        for (int c = 0; c < kEach; c++) {
            quad_t share;
#pragma unroll
            for (int r = 0; r < kEach; r++) {
                const index_t i = query + threadIdx.y * kEach + r;
                const bool own = key + threadIdx.x * kEach + c == i + offset;
                share.v[r] = (exp(s[r][c] - l[r]) - (own ? acc_t(1) : acc_t(0))) * k_scales.v[c];
            }
            other[(threadIdx.x * kEach + c) * kPitch + threadIdx.y] = share;
        }
        const int keys = end - key < kSide ? (int)(end - key) : kSide;
#pragma unroll
        for (int part = 0; part < kColumns / kSide; part++) {
            const index_t first = column + part * kSide;
            if (first < D) { // the same for the whole block
                for (int slab = 0; slab < keys; slab += kSlab) {
                    __syncthreads();
                    load_rows(k_tile, k, key + slab, first, M, D, packed);
                    __syncthreads();
                    multiply(g[part], other + slab * kPitch, k_tile, keys - slab < kSlab ? keys - slab : kSlab);
                }
            }
        }
    }
#pragma unroll
    for (int part = 0; part < kColumns / kSide; part++) {
#pragma unroll
        for (int r = 0; r < kEach; r++) {
            const index_t i = query + threadIdx.y * kEach + r;
            const index_t j = column + part * kSide + threadIdx.x * kEach;
#pragma unroll
            for (int c = 0; c < kEach; c++) {
                if (i < N && j + c < D) partials[(split * N + i) * D + j + c] = g[part][r][c];
            }
        }
    }
}

// Joins the splits of each query's g and takes it through the normalization.
extern "C" __global__ void __launch_bounds__(128, 8) info_nce_backward_reduce(
    scalar_t* __restrict__ dq, const acc_t* __restrict__ partials, const acc_t* __restrict__ dy,
    const scalar_t* __restrict__ q, const acc_t* __restrict__ q_inverse, acc_t eps, index_t K, index_t N, index_t D)
{
    const index_t i = (index_t)blockIdx.x * blockDim.y + threadIdx.y;
    if (i >= N) return; // the whole warp
    const acc_t a = q_inverse[i];
    acc_t along = 0;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        acc_t g = 0;
        for (index_t split = 0; split < K; split++) g += partials[(split * N + i) * D + j];
        along += g * (load(&q[i * D + j]) * a);
    }
    along = a < 1 / eps ? warp_sum(along) : acc_t(0); // the same for the whole warp
    const acc_t scale = 2 * dy[0] / (acc_t)N * a;
    for (index_t j = threadIdx.x; j < D; j += kWarpSize) {
        acc_t g = 0;
        for (index_t split = 0; split < K; split++) g += partials[(split * N + i) * D + j];
        store(&dq[i * D + j], scale * (g - load(&q[i * D + j]) * a * along));
    }
}
