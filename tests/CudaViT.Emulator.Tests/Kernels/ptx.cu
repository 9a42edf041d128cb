// One kernel for each helper of common/ptx.cuh. Fragments stand in memory lane after lane; the test puts them there.

extern "C" __global__ void widen(float* y, const bf16* x, int count)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] = from_bf16(x[i]);
}

extern "C" __global__ void narrow(bf16* y, u32* pairs, const float* x, int count)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] = to_bf16(x[i]);
    if (i < count) pairs[i] = pack_bf16(x[i], x[count - 1 - i]);
}

extern "C" __global__ void multiply(float* d, const u32* a, const u32* b)
{
    const int lane = threadIdx.x;
    float sums[4];
    for (int i = 0; i < 4; i++) sums[i] = d[lane * 4 + i];
    mma_m16n8k16_bf16(sums, &a[lane * 4], &b[lane * 2]);
    for (int i = 0; i < 4; i++) d[lane * 4 + i] = sums[i];
}

// Rows of 8 elements stand 24 elements apart: ldmatrix takes any address that is a multiple of 16.
template <int kTiles>
__device__ __forceinline__ const u16* row(u16* s, const u16* x)
{
    for (int i = threadIdx.x; i < kTiles * 64; i += 32) s[i / 8 * 24 + i % 8] = x[i];
    __syncwarp();
    return &s[threadIdx.x % (kTiles * 8) * 24];
}

extern "C" __global__ void load_four(u32* y, const u16* x, int transposed)
{
    __shared__ __align__(16) u16 s[32 * 24];
    u32 r[4];
    const u16* p = row<4>(s, x);
    if (transposed) ldmatrix_x4_trans(r, p);
    else ldmatrix_x4(r, p);
    for (int i = 0; i < 4; i++) y[threadIdx.x * 4 + i] = r[i];
}

extern "C" __global__ void load_two(u32* y, const u16* x, int transposed)
{
    __shared__ __align__(16) u16 s[16 * 24];
    u32 r[2];
    const u16* p = row<2>(s, x);
    if (transposed) ldmatrix_x2_trans(r, p);
    else ldmatrix_x2(r, p);
    for (int i = 0; i < 2; i++) y[threadIdx.x * 2 + i] = r[i];
}

// Three groups in flight; each is used as soon as it has arrived.
extern "C" __global__ void copy_in_groups(float* y, const float* x)
{
    __shared__ __align__(16) float s[3][128];
    for (int group = 0; group < 3; group++) {
        cp_async_16(&s[group][threadIdx.x * 4], &x[group * 128 + threadIdx.x * 4]);
        cp_async_commit();
    }
    cp_async_wait<2>();
    __syncthreads();
    for (int i = threadIdx.x; i < 128; i += 32) y[i] = s[0][127 - i];
    cp_async_wait<0>();
    __syncthreads();
    for (int i = threadIdx.x; i < 256; i += 32) y[128 + i] = s[1 + i / 128][i % 128];
}

extern "C" __global__ void store_words(u32* y)
{
    const u32 words[4] = {threadIdx.x, 1, 2, 3};
    store_16_bytes(&y[threadIdx.x * 4], words);
}

// The last block adds what all have written.
extern "C" __global__ void gather(double* sum, double* partial, unsigned* counter)
{
    __shared__ bool last;
    if (threadIdx.x == 0) {
        as_global(partial)[blockIdx.x] = blockIdx.x + 1;
        __threadfence();
        last = atomicAdd(counter, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        double total = 0;
        for (unsigned i = 0; i < gridDim.x; i++) total += load_from_other_block(&partial[i]);
        *sum = total;
        *counter = 0; // for the next launch
    }
}
