// Operations of the lanes of a warp. y has one number for each lane and operation.

// width lanes form a segment.
extern "C" __global__ void shuffles(int* y, int width, int n)
{
    const int lane = threadIdx.x;
    y[lane] = __shfl_sync(kFullWarp, lane, n, width);
    y[32 + lane] = __shfl_up_sync(kFullWarp, lane, n, width);
    y[64 + lane] = __shfl_down_sync(kFullWarp, lane, n, width);
    y[96 + lane] = __shfl_xor_sync(kFullWarp, lane, n, width);
}

extern "C" __global__ void types(double* d, long long* l, u64* u, float* f)
{
    const int lane = threadIdx.x;
    d[lane] = __shfl_xor_sync(kFullWarp, 0.1 * lane, 1);
    l[lane] = __shfl_xor_sync(kFullWarp, -(1ll << 40) - lane, 1);
    u[lane] = __shfl_xor_sync(kFullWarp, 0xffffffff00000000ull + lane, 1);
    f[lane] = __shfl_xor_sync(kFullWarp, 0.1f * lane, 1);
}

extern "C" __global__ void votes(u32* y)
{
    const int lane = threadIdx.x;
    y[lane] = __ballot_sync(kFullWarp, lane % 3 == 0);
    y[32 + lane] = __any_sync(kFullWarp, lane == 7) + 2 * __any_sync(kFullWarp, lane == 32);
    y[64 + lane] = __all_sync(kFullWarp, lane < 32) + 2 * __all_sync(kFullWarp, lane != 7);
    y[96 + lane] = __match_any_sync(kFullWarp, lane / 5);
}

extern "C" __global__ void reductions(int* y)
{
    const int lane = threadIdx.x, v = lane - 16;
    y[lane] = __reduce_add_sync(kFullWarp, v);
    y[32 + lane] = __reduce_min_sync(kFullWarp, v);
    y[64 + lane] = __reduce_max_sync(kFullWarp, v);
    y[96 + lane] = (int)__reduce_max_sync(kFullWarp, (u32)v);
    y[128 + lane] = (int)__reduce_or_sync(kFullWarp, 1u << lane % 8);
}

// The halves of a warp go different ways, each with its own mask.
extern "C" __global__ void halves(int* y)
{
    const int lane = threadIdx.x;
    int v = lane;
    if (lane < 16) {
        for (int i = 1; i < 16; i *= 2) v += __shfl_xor_sync(0x0000ffffu, v, i);
    } else {
        for (int i = 1; i < 16; i *= 2) v = max(v, __shfl_xor_sync(0xffff0000u, v, i));
    }
    __syncwarp();
    y[lane] = __shfl_xor_sync(kFullWarp, v, 16);
}

extern "C" __global__ void block_votes(int* y)
{
    const int thread = threadIdx.x;
    const int count = __syncthreads_count(thread % 3 == 0);
    const int all = __syncthreads_and(thread < 64) + 2 * __syncthreads_and(thread < 63);
    const int any = __syncthreads_or(thread == 63) + 2 * __syncthreads_or(thread == 64);
    y[thread] = count * 100 + all * 10 + any;
}

extern "C" __global__ void places(int* y)
{
    const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    y[block * blockDim.x * blockDim.y * blockDim.z + thread] = 1000 * block + thread;
}
