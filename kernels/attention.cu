// Attention: multi-head self-attention on packed queries, keys and values. Forward, backward, and the probabilities alone.
//   S = scale Q K^T;  P = softmax of the rows of S;  Y = P V;  L_i = log sum_j exp S_ij
//   dV = P^T dY;  dP = dY V^T;  dS = P o (dP - delta) with delta_i = sum_c dY_ic Y_ic
//   dQ = scale dS K;  dK = scale dS^T Q
// P is formed again from L wherever it is needed, a tile at a time, and never written.
// Shapes   qkv, dqkv [B, T, 3, H, Dh]; y, dy [B, T, H, Dh]; lse (L), delta [B, H, T]; p [B, H, T, T]. Any B, T, H, Dh >= 1.
// Types    qkv, y, dy, dqkv, p scalar_t; lse, delta, scale and every sum acc_t.
// Builds   f64 f32 bf16
// Launch   block 64, tiles of kSize = 64 rows or columns (f64: 32), all axes of the grid in x, the last one fastest:
//          attention_forward: B * H * ceil(Dh / kSize) * ceil(T / kSize). Each block computes kSize columns of Y, and where
//          Dh is larger, scores are computed once for each of them.
//          attention_probabilities: B * H * ceil(T / kSize) * ceil(T / kSize).
//          attention_delta: block 256, 8 threads for each of the B * T * H sums; grid ceil(B T H / 32).
//          attention_backward: 3 * B * H * ceil(Dh / kSize) * ceil(T / kSize): a third of the blocks for each of dQ, dK and
//          dV, so that every block sums in its own registers and nothing is added across blocks.
//          packed = 1 where all arrays start at multiples of 16 bytes and a head's row is a whole number of 16 bytes.
// Cost     attention_forward: 4*B*T*H*Dh*sizeof(scalar_t) + B*H*T*sizeof(acc_t) bytes, 4*B*H*T*T*Dh FLOPs
//          attention_probabilities: (2*B*T*H*Dh + B*H*T*T)*sizeof(scalar_t) + B*H*T*sizeof(acc_t) bytes, 2*B*H*T*T*Dh FLOPs
//          attention_delta: 2*B*T*H*Dh*sizeof(scalar_t) + B*H*T*sizeof(acc_t) bytes, 2*B*T*H*Dh FLOPs
//          attention_backward: 7*B*T*H*Dh*sizeof(scalar_t) + 2*B*H*T*sizeof(acc_t) bytes, 10*B*H*T*T*Dh FLOPs
// Saves    qkv, y and lse.
// Source   A. Vaswani et al., arXiv:1706.03762, section 3.2; T. Dao et al., arXiv:2205.14135 (softmax online, P recomputed).
#include "common/reduce.cuh"
#include "common/tile.cuh"

namespace {

constexpr int kFragment = sizeof(acc_t) == 8 ? 4 : 8;
typedef Tile<kFragment> Product;
typedef acc_t Fragment[kFragment][kFragment];
constexpr int kSize = Product::kSize;
constexpr int kDeltaLanes = 8;

// One head of packed rows: element (token, column) stands at x[token * pitch + column].
struct Head {
    const scalar_t* x;
    index_t pitch;
};

// Numbers of a block along four axes, the last one fastest.
struct Place {
    index_t batch, head, columns, rows; // columns and rows: the first of the tile

    __device__ __forceinline__ Place(index_t block, index_t H, index_t column_tiles, index_t row_tiles)
    {
        rows = block % row_tiles * kSize;
        columns = block / row_tiles % column_tiles * kSize;
        head = block / (row_tiles * column_tiles) % H;
        batch = block / (row_tiles * column_tiles * H);
    }
};

__device__ __forceinline__ index_t tiles_of(index_t count) { return (count + kSize - 1) / kSize; }

// sum = A B^T for a tile of tokens of each, over the whole head width. Ends with a barrier.
__device__ __forceinline__ void dot_products(
    Fragment& sum, Product::Row* slab_a, Product::Row* slab_b, Head a, Head b, index_t first_a, index_t first_b,
    index_t T, index_t Dh, int group_m, int group_n, bool works, bool packed)
{
    Product::clear(sum);
    for (index_t start = 0; start < Dh; start += Product::kDepth) {
        Product::read(slab_a, a.x, a.pitch, first_a, T, start, Dh, true, packed);
        Product::read(slab_b, b.x, b.pitch, first_b, T, start, Dh, true, packed);
        __syncthreads();
        if (works) Product::multiply(sum, slab_a, slab_b, group_m, group_n, Product::terms(start, Dh));
        __syncthreads();
    }
}

// Writes a fragment to rows of one head.
__device__ __forceinline__ void write(
    scalar_t* x, index_t pitch, const Fragment& sum, index_t first_row, index_t T, index_t first_column, index_t Dh,
    int group_m, int group_n, bool packed)
{
    constexpr int kStore = kPackWidth < Product::kHalf ? kPackWidth : Product::kHalf;
#pragma unroll
    for (int i = 0; i < kFragment; i++) {
        const index_t row = first_row + Product::at(group_m, i);
#pragma unroll
        for (int j = 0; j < kFragment; j += kStore) {
            const index_t column = first_column + Product::at(group_n, j);
            if (row >= T || column >= Dh) continue;
            if (packed) {
                Pack<scalar_t, kStore> result;
#pragma unroll
                for (int w = 0; w < kStore; w++) store(&result.v[w], sum[i][j + w]);
                store_pack(&x[row * pitch + column], result);
            } else {
#pragma unroll
                for (int w = 0; w < kStore; w++) {
                    if (column + w < Dh) store(&x[row * pitch + column + w], sum[i][j + w]);
                }
            }
        }
    }
}

} // namespace

extern "C" __global__ void __launch_bounds__(64) attention_forward(
    scalar_t* __restrict__ y, acc_t* __restrict__ lse, const scalar_t* __restrict__ qkv, acc_t scale,
    index_t B, index_t T, index_t H, index_t Dh, int packed)
{
    __shared__ __align__(16) Product::Row slab_a[Product::kDepth];
    __shared__ __align__(16) Product::Row slab_b[Product::kDepth];
    __shared__ __align__(16) Product::Row scores[kSize]; // [key][query]: S, then P
    __shared__ acc_t factor[kSize];                      // of each query's sums so far; at the end 1 / sum
    const Place at(blockIdx.x, H, tiles_of(Dh), tiles_of(T));
    const index_t pitch = 3 * H * Dh;
    const Head q = {qkv + (at.batch * T * 3 * H + at.head) * Dh, pitch};
    const Head k = {q.x + H * Dh, pitch};
    const Head v = {k.x + H * Dh, pitch};
    const int thread = threadIdx.x;
    const int group_m = thread / 8;
    const int group_n = thread % 8;
    const bool has_rows = at.rows + Product::at(group_m, 0) < T;
    const bool has_columns = at.columns + Product::at(group_n, 0) < Dh;
    const bool has_query = thread < kSize && at.rows + thread < T; // of the threads that each own one row of the softmax

    Fragment out;
    Product::clear(out);
    acc_t largest = -acc_infinity();
    acc_t total = 0;
    for (index_t first_key = 0; first_key < T; first_key += kSize) {
        const bool has_keys = first_key + Product::at(group_n, 0) < T;
        {
            Fragment s;
            dot_products(s, slab_a, slab_b, q, k, at.rows, first_key, T, Dh, group_m, group_n, has_rows && has_keys, packed);
            if (has_rows && has_keys) {
#pragma unroll
                for (int j = 0; j < kFragment; j++) {
#pragma unroll
                    for (int i = 0; i < kFragment; i++) {
                        scores[Product::at(group_n, j)][Product::at(group_m, i)] = s[i][j] * scale;
                    }
                }
            }
        }
        __syncthreads();

        const int keys = T - first_key < kSize ? (int)(T - first_key) : kSize;
        if (has_query) {
            acc_t m = largest;
            for (int j = 0; j < keys; j++) m = max(m, scores[j][thread]);
            const acc_t keep = exp(largest - m); // 0 for the first tile
            acc_t sum = 0;
            for (int j = 0; j < keys; j++) {
                const acc_t p = exp(scores[j][thread] - m);
                scores[j][thread] = p;
                sum += p;
            }
            total = total * keep + sum;
            largest = m;
            factor[thread] = keep;
        }
        for (index_t start = first_key; start < first_key + keys; start += Product::kDepth) {
            Product::read(slab_b, v.x, v.pitch, at.columns, Dh, start, T, false, packed);
            __syncthreads();
            if (has_rows && has_columns) {
                if (start == first_key) {
#pragma unroll
                    for (int i = 0; i < kFragment; i++) {
                        const int row = Product::at(group_m, i);
                        const acc_t keep = at.rows + row < T ? factor[row] : acc_t(0);
#pragma unroll
                        for (int j = 0; j < kFragment; j++) out[i][j] *= keep;
                    }
                }
                Product::multiply(
                    out, scores + (start - first_key), slab_b, group_m, group_n, Product::terms(start, first_key + keys));
            }
            __syncthreads();
        }
    }

    if (has_query) {
        factor[thread] = 1 / total;
        if (at.columns == 0) lse[(at.batch * H + at.head) * T + at.rows + thread] = largest + log(total);
    }
    __syncthreads();
    if (has_rows && has_columns) {
#pragma unroll
        for (int i = 0; i < kFragment; i++) {
            const int row = Product::at(group_m, i);
            const acc_t scaling = at.rows + row < T ? factor[row] : acc_t(0);
#pragma unroll
            for (int j = 0; j < kFragment; j++) out[i][j] *= scaling;
        }
        write(y + (at.batch * T * H + at.head) * Dh, H * Dh, out, at.rows, T, at.columns, Dh, group_m, group_n, packed);
    }
}

extern "C" __global__ void __launch_bounds__(64, 6) attention_probabilities(
    scalar_t* __restrict__ p, const acc_t* __restrict__ lse, const scalar_t* __restrict__ qkv, acc_t scale,
    index_t B, index_t T, index_t H, index_t Dh, int packed)
{
    __shared__ __align__(16) Product::Row slab_a[Product::kDepth];
    __shared__ __align__(16) Product::Row slab_b[Product::kDepth];
    const Place at(blockIdx.x, H, tiles_of(T), tiles_of(T));
    const Head q = {qkv + (at.batch * T * 3 * H + at.head) * Dh, 3 * H * Dh};
    const Head k = {q.x + H * Dh, 3 * H * Dh};
    const int group_m = threadIdx.x / 8;
    const int group_n = threadIdx.x % 8;
    const bool works = at.rows + Product::at(group_m, 0) < T && at.columns + Product::at(group_n, 0) < T;
    Fragment s;
    dot_products(s, slab_a, slab_b, q, k, at.rows, at.columns, T, Dh, group_m, group_n, works, packed);
    const index_t item = at.batch * H + at.head;
#pragma unroll
    for (int i = 0; i < kFragment; i++) {
        const index_t row = at.rows + Product::at(group_m, i);
#pragma unroll
        for (int j = 0; j < kFragment; j++) {
            const index_t column = at.columns + Product::at(group_n, j);
            if (row < T && column < T) store(&p[(item * T + row) * T + column], exp(s[i][j] * scale - lse[item * T + row]));
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) attention_delta(
    acc_t* __restrict__ delta, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ y,
    index_t B, index_t T, index_t H, index_t Dh, int packed)
{
    const index_t row = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / kDeltaLanes; // (b, t, h) as one number
    const int lane = threadIdx.x % kDeltaLanes;
    acc_t sum = 0;
    if (row < B * T * H) {
        if (packed) {
            for (index_t c = lane * kPackWidth; c < Dh; c += kDeltaLanes * kPackWidth) {
                const pack_t a = *(const pack_t*)&dy[row * Dh + c];
                const pack_t b = *(const pack_t*)&y[row * Dh + c];
#pragma unroll
                for (int w = 0; w < kPackWidth; w++) sum += load(&a.v[w]) * load(&b.v[w]);
            }
        } else {
            for (index_t c = lane; c < Dh; c += kDeltaLanes) sum += load(&dy[row * Dh + c]) * load(&y[row * Dh + c]);
        }
    }

#pragma unroll
    for (int offset = kDeltaLanes / 2; offset > 0; offset >>= 1) sum += __shfl_xor_sync(kFullWarp, sum, offset);
    if (lane == 0 && row < B * T * H) {
        const index_t h = row % H;
        const index_t t = row / H % T;
        const index_t b = row / (H * T);
        delta[(b * H + h) * T + t] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(64) attention_backward(
    scalar_t* __restrict__ dqkv, const scalar_t* __restrict__ dy, const scalar_t* __restrict__ qkv,
    const acc_t* __restrict__ lse, const acc_t* __restrict__ delta, acc_t scale,
    index_t B, index_t T, index_t H, index_t Dh, int packed)
{
    __shared__ __align__(16) Product::Row slab_a[Product::kDepth];
    __shared__ __align__(16) Product::Row slab_b[Product::kDepth];
    __shared__ __align__(16) Product::Row slopes[kSize]; // [column][row] of this tile: P or dS, transposed for dK and dV
    const index_t third = gridDim.x / 3;
    const int role = (int)(blockIdx.x / third); // 0: dQ, rows are queries; 1: dK and 2: dV, rows are keys
    const Place at(blockIdx.x % third, H, tiles_of(Dh), tiles_of(T));
    const index_t pitch = 3 * H * Dh;
    const index_t head_of_qkv = (at.batch * T * 3 * H + at.head) * Dh;
    const Head q = {qkv + head_of_qkv, pitch};
    const Head k = {q.x + H * Dh, pitch};
    const Head v = {k.x + H * Dh, pitch};
    const Head g = {dy + (at.batch * T * H + at.head) * Dh, H * Dh};
    const Head terms = role == 0 ? k : role == 1 ? q : g; // what P or dS multiplies
    lse += (at.batch * H + at.head) * T;
    delta += (at.batch * H + at.head) * T;
    const int group_m = threadIdx.x / 8;
    const int group_n = threadIdx.x % 8;
    const bool has_rows = at.rows + Product::at(group_m, 0) < T;
    const bool has_columns = at.columns + Product::at(group_n, 0) < Dh;

    Fragment out;
    Product::clear(out);
    for (index_t first = 0; first < T; first += kSize) {
        const bool works = has_rows && first + Product::at(group_n, 0) < T;
        Fragment s;
        dot_products(
            s, slab_a, slab_b, role == 0 ? q : k, role == 0 ? k : q, at.rows, first, T, Dh, group_m, group_n, works, packed);
        if (works) {
#pragma unroll
            for (int j = 0; j < kFragment; j++) {
#pragma unroll
                for (int i = 0; i < kFragment; i++) {
                    const index_t row = at.rows + Product::at(group_m, i);
                    const index_t column = first + Product::at(group_n, j);
                    const bool inside = row < T && column < T;
                    slopes[Product::at(group_n, j)][Product::at(group_m, i)] =
                        inside ? exp(s[i][j] * scale - lse[role == 0 ? row : column]) : acc_t(0);
                }
            }
        }
        if (role != 2) {
            dot_products(
                s, slab_a, slab_b, role == 0 ? g : v, role == 0 ? v : g, at.rows, first, T, Dh, group_m, group_n, works,
                packed);
            if (works) {
#pragma unroll
                for (int j = 0; j < kFragment; j++) {
#pragma unroll
                    for (int i = 0; i < kFragment; i++) {
                        const index_t row = at.rows + Product::at(group_m, i);
                        const index_t column = first + Product::at(group_n, j);
                        const index_t query = role == 0 ? row : column;
                        const acc_t shift = query < T ? delta[query] : acc_t(0);
                        slopes[Product::at(group_n, j)][Product::at(group_m, i)] *= (s[i][j] - shift) * scale;
                    }
                }
            }
        }

        const index_t end = T - first < kSize ? T : first + kSize;
        for (index_t start = first; start < end; start += Product::kDepth) {
            Product::read(slab_b, terms.x, terms.pitch, at.columns, Dh, start, T, false, packed);
            __syncthreads();
            if (has_rows && has_columns) {
                Product::multiply(
                    out, slopes + (start - first), slab_b, group_m, group_n, Product::terms(start, end));
            }
            __syncthreads();
        }
    }

    if (has_rows && has_columns) {
        write(
            dqkv + head_of_qkv + role * H * Dh, pitch, out, at.rows, T, at.columns, Dh, group_m, group_n, packed);
    }
}
