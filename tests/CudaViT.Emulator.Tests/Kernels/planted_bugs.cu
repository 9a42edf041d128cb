// Kernels with one mistake each. The line to be reported ends with a comment that names its kernel.

extern "C" __global__ void fine(float* y) { y[blockIdx.x * blockDim.x + threadIdx.x] = 1; }

// ---- addresses ----

extern "C" __global__ void past_the_end(float* y)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = 1; // past_the_end
}

extern "C" __global__ void before_the_start(float* y)
{
    const int i = threadIdx.x;
    y[i] = y[i - 1]; // before_the_start
}

extern "C" __global__ void freed(float* y)
{
    y[threadIdx.x] = 1; // freed
}

extern "C" __global__ void host_memory(float* y, u64 address)
{
    *(float*)address = 1; // host_memory
}

extern "C" __global__ void misaligned(float* y)
{
    float4* p = (float4*)(y + 1);
    p[threadIdx.x] = make_float4(1, 2, 3, 4); // misaligned
}

extern "C" __global__ void misaligned_pack(float* y)
{
    typedef Pack<float, 4> pack;
    *(pack*)&y[4] = *(const pack*)&y[threadIdx.x]; // misaligned_pack
}

__constant__ float table[4] = {1, 2, 3, 4};

__device__ __noinline__ void set(const float* p, float v)
{
    *(float*)p = v; // constant_data
}

extern "C" __global__ void constant_data(float* y) { set(&table[threadIdx.x % 4], y[threadIdx.x]); }

// ---- arrays ----

extern "C" __global__ void dynamic_overrun(float* y)
{
    DYNAMIC_SHARED(float, s);
    s[threadIdx.x] = 1; // dynamic_overrun
    y[threadIdx.x] = s[threadIdx.x];
}

extern "C" __global__ void static_index(float* y)
{
    __shared__ float s[32];
    s[threadIdx.x] = 1; // static_index
    __syncthreads();
    y[threadIdx.x] = s[0];
}

extern "C" __global__ void local_index(float* y, int n)
{
    float v[4] = {0, 1, 2, 3};
    y[threadIdx.x] = v[n]; // local_index
}

extern "C" __global__ void pack_index(float* y, int n)
{
    Pack<float, 4> v = {};
    y[threadIdx.x] = v.v[n]; // pack_index
}

// ---- memory that nobody has written ----

extern "C" __global__ void unwritten_static(float* y)
{
    __shared__ float s[64];
    if (threadIdx.x < 32) s[threadIdx.x] = 1;
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x]; // unwritten_static
}

extern "C" __global__ void unwritten_dynamic(float* y)
{
    DYNAMIC_SHARED(float, s);
    y[threadIdx.x] = s[threadIdx.x]; // unwritten_dynamic
}

// Block 0 leaves a value behind in memory that block 1 gets, too.
extern "C" __global__ void written_by_another_block(float* y)
{
    __shared__ float s[32];
    if (blockIdx.x == 0) s[threadIdx.x] = 1;
    __syncthreads();
    y[blockIdx.x * 32 + threadIdx.x] = s[threadIdx.x]; // written_by_another_block
}

extern "C" __global__ void unwritten_global(float* y, const float* x)
{
    y[threadIdx.x] = x[threadIdx.x]; // unwritten_global
}

extern "C" __global__ void unwritten_atomic(unsigned* y)
{
    atomicAdd(y, 1u); // unwritten_atomic
}

// ---- barriers ----

extern "C" __global__ void early_exit(float* y)
{
    if (threadIdx.x >= 40) return;
    __syncthreads(); // early_exit
    y[threadIdx.x] = 1;
}

extern "C" __global__ void two_barriers(float* y)
{
    if (threadIdx.x % 2 == 0) {
        __syncthreads(); // two_barriers
        y[threadIdx.x] = 1;
    } else {
        __syncthreads();
    }
}

extern "C" __global__ void polling(volatile float* y)
{
    while (y[0] >= 0) { // polling
    }
}

// ---- warps ----

extern "C" __global__ void half_a_warp(float* y)
{
    float v = y[threadIdx.x];
    if (threadIdx.x % 32 < 16) v = __shfl_xor_sync(kFullWarp, v, 1); // half_a_warp
    y[threadIdx.x] = v;
}

extern "C" __global__ void not_in_mask(float* y)
{
    y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, y[threadIdx.x], 1); // not_in_mask
}

extern "C" __global__ void source_not_in_mask(float* y)
{
    const u32 mask = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
    y[threadIdx.x] = __shfl_sync(mask, y[threadIdx.x], 3); // source_not_in_mask
}

extern "C" __global__ void two_shuffles(float* y)
{
    float v = y[threadIdx.x];
    if (threadIdx.x % 2 == 0) {
        v = __shfl_xor_sync(kFullWarp, v, 1); // two_shuffles
        y[threadIdx.x] = v;
    } else {
        v = __shfl_xor_sync(kFullWarp, v, 2);
        y[threadIdx.x] = v + 1;
    }
}

extern "C" __global__ void part_of_a_warp(float* y)
{
    y[threadIdx.x] = __shfl_xor_sync(kFullWarp, y[threadIdx.x], 1); // part_of_a_warp
}

// ---- races in shared memory ----

extern "C" __global__ void no_barrier(float* y)
{
    __shared__ float s[64];
    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = y[threadIdx.x]; // no_barrier, the write
    y[threadIdx.x] = s[63 - threadIdx.x]; // no_barrier
}

extern "C" __global__ void no_warp_barrier(float* y)
{
    __shared__ float s[32];
    s[threadIdx.x] = 0;
    __syncthreads();
    s[threadIdx.x] = y[threadIdx.x]; // no_warp_barrier, the write
    const float v = __shfl_xor_sync(kFullWarp, s[threadIdx.x ^ 1], 1); // no_warp_barrier
    y[threadIdx.x] = v;
}

extern "C" __global__ void no_second_barrier(float* y)
{
    __shared__ float partial[2];
    for (int i = 0; i < 2; i++) {
        const float sum = warp_sum(y[threadIdx.x]);
        if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum; // no_second_barrier
        __syncthreads();
        y[threadIdx.x] = partial[0] + partial[1]; // no_second_barrier, the read
    }
}

extern "C" __global__ void both_write(float* y)
{
    __shared__ float s;
    s = threadIdx.x; // both_write
    __syncthreads();
    y[threadIdx.x] = s;
}

extern "C" __global__ void atomic_and_plain(float* y)
{
    __shared__ int s;
    if (threadIdx.x == 0) s = 0;
    __syncthreads();
    atomicAdd(&s, 1); // atomic_and_plain, the atomic
    y[threadIdx.x] = s; // atomic_and_plain
}

// ---- races between blocks ----

extern "C" __global__ void blocks_write(float* y)
{
    if (threadIdx.x == 0) y[0] = blockIdx.x; // blocks_write
}

extern "C" __global__ void block_reads_another(float* y)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    const int n = gridDim.x * blockDim.x;
    const float v = y[(i + blockDim.x) % n]; // block_reads_another, the read
    y[i] = v; // block_reads_another
}

// ---- asynchronous copies ----

extern "C" __global__ void no_wait(float* y, const float* x)
{
    __shared__ __align__(16) float s[128];
    cp_async_16(&s[threadIdx.x * 4], &x[threadIdx.x * 4]);
    cp_async_commit();
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x]; // no_wait
}

extern "C" __global__ void wait_for_too_few(float* y, const float* x)
{
    __shared__ __align__(16) float s[256];
    for (int i = 0; i < 2; i++) {
        cp_async_16(&s[i * 128 + threadIdx.x * 4], &x[i * 128 + threadIdx.x * 4]);
        cp_async_commit();
    }
    cp_async_wait<1>();
    __syncthreads();
    y[threadIdx.x] = s[128 + threadIdx.x]; // wait_for_too_few
}

extern "C" __global__ void no_barrier_after_wait(float* y, const float* x)
{
    __shared__ __align__(16) float s[128];
    cp_async_16(&s[threadIdx.x * 4], &x[threadIdx.x * 4]); // no_barrier_after_wait, the copy
    cp_async_commit();
    cp_async_wait<0>();
    y[threadIdx.x] = s[127 - threadIdx.x]; // no_barrier_after_wait
}

extern "C" __global__ void misaligned_copy(float* y, const float* x)
{
    __shared__ __align__(16) float s[132];
    cp_async_16(&s[threadIdx.x * 4], &x[threadIdx.x * 4 + 1]); // misaligned_copy
    cp_async_wait<0>();
    y[threadIdx.x] = s[threadIdx.x * 4];
}

extern "C" __global__ void misaligned_row(float* y)
{
    __shared__ __align__(16) u16 s[32 * 8 + 1];
    for (int i = threadIdx.x; i < 32 * 8 + 1; i += 32) s[i] = 0;
    __syncthreads();
    u32 r[4];
    ldmatrix_x4(r, &s[threadIdx.x * 8 + 1]); // misaligned_row
    y[threadIdx.x] = r[0];
}

// ---- arithmetic ----

extern "C" __global__ void overflow(int* y, int n)
{
    y[threadIdx.x] = 65536 * n; // overflow
}

extern "C" __global__ void division(int* y, int n)
{
    y[threadIdx.x] = 1000 / n; // division
}

extern "C" __global__ void shift(int* y, int n)
{
    y[threadIdx.x] = 1 << n; // shift
}

extern "C" __global__ void trap(float* y)
{
    if (threadIdx.x == 5) __trap(); // trap
    y[threadIdx.x] = 1;
}
