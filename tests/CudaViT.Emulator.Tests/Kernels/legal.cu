// Programs that look suspicious and are right: none may be reported.

// Written, then read by a neighbour, with a __syncwarp between them and before the next write.
extern "C" __global__ void exchange_in_a_warp(float* y)
{
    __shared__ float s[64];
    const int t = threadIdx.x;
    for (int i = 0; i < 3; i++) {
        s[t] = y[t] + i;
        __syncwarp();
        const float v = s[t ^ 1];
        __syncwarp();
        y[t] = v;
    }
}

// All lanes read what one of them then changes.
extern "C" __global__ void one_lane_changes(float* y)
{
    __shared__ float s;
    if (threadIdx.x == 0) s = 1;
    __syncwarp();
    float v = s;
    __syncwarp();
    if (threadIdx.x == 0) s = s + v;
    __syncwarp();
    v += s;
    y[threadIdx.x] = v;
}

// A warp without work leaves; the others need no barrier.
extern "C" __global__ void a_warp_leaves(float* y, int warps)
{
    if ((int)threadIdx.x / 32 >= warps) return;
    y[threadIdx.x] = warp_sum(1.0f);
}

// Blocks meet only through atomics.
extern "C" __global__ void histogram(unsigned* counts)
{
    __shared__ unsigned own[8];
    if (threadIdx.x < 8) own[threadIdx.x] = 0;
    __syncthreads();
    atomicAdd(&own[threadIdx.x % 8], 1u);
    __syncthreads();
    if (threadIdx.x < 8) atomicAdd(&counts[threadIdx.x], own[threadIdx.x]);
}

// Neighbouring blocks write neighbouring bytes and halves of a word.
extern "C" __global__ void neighbours(u8* bytes, u16* halves)
{
    const int i = blockIdx.x * 3 + threadIdx.x;
    bytes[i] = (u8)i;
    halves[i] = (u16)i;
}

// All blocks read the same, and each reads again what it alone has written.
extern "C" __global__ void read_together(float* y, const float* x)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[0];
    y[i] += x[threadIdx.x];
}

// Dynamic shared memory, used twice with a barrier between.
extern "C" __global__ void used_twice(float* y)
{
    DYNAMIC_SHARED(float, s);
    const int t = threadIdx.x, n = blockDim.x;
    s[t] = t;
    __syncthreads();
    const float v = s[n - 1 - t];
    __syncthreads();
    s[n - 1 - t] = v;
    __syncthreads();
    y[t] = s[t];
}

// The next slab arrives while this one is used; two buffers take turns.
extern "C" __global__ void double_buffer(float* y, const float* x, int slabs)
{
    __shared__ __align__(16) float s[2][128];
    const int t = threadIdx.x;
    float sum = 0;
    cp_async_16(&s[0][t * 4], &x[t * 4]);
    cp_async_commit();
    for (int i = 0; i < slabs; i++) {
        if (i + 1 < slabs) cp_async_16(&s[(i + 1) % 2][t * 4], &x[(i + 1) * 128 + t * 4]);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        sum += s[i % 2][t] + s[i % 2][127 - t];
        __syncthreads();
    }
    y[t] = sum;
}

struct Sizes {
    float scale;
    long long offset[3];
    alignas(16) float4 add;
};

__constant__ float thirds[3] = {0.25f, 0.5f, 0.75f};

// A structure by value, a table of constants, and a local array with a computed index.
extern "C" __global__ void values(float* y, Sizes sizes, int n)
{
    float local[4];
    for (int i = 0; i < 4; i++) local[(i + n) % 4] = i;
    y[threadIdx.x] = sizes.scale * sizes.offset[threadIdx.x % 3] + sizes.add.w + thirds[threadIdx.x % 3] + local[n % 4];
}

// The functions of the kernel language in both precisions.
extern "C" __global__ void functions(double* d, float* f, double x)
{
    const float y = (float)x;
    const double of_double[] = {exp(x), log(x), sqrt(x), rsqrt(x), erf(x), tanh(x), fma(x, x, 1.0), pow(x, 3.0), 
        fmax(x, 1.0),
        fabs(-x), floor(x), log1p(x), expm1(x), exp2(x), min(x, 0.1), max(x, 2.0), copysign(x, -1.0), cos(x)};
    const float of_float[] = {exp(y), log(y), sqrt(y), rsqrt(y), erf(y), tanh(y), fma(y, y, 1.0f), pow(y, 3.0f), 
        fmax(y, 1.0f),
        fabs(-y), floor(y), log1p(y), expm1(y), exp2(y), min(y, 0.1f), max(y, 2.0f), copysign(y, -1.0f), cos(y)};
    for (int i = 0; i < 18; i++) {
        d[i] = of_double[i];
        f[i] = of_float[i];
    }
}

// Integers: what the kernels use of them.
extern "C" __global__ void integers(u32* y, u32 x)
{
    y[0] = __umulhi(x, 0xD2511F53u);
    y[1] = (u32)__popc(x);
    y[2] = (u32)__clz((int)x);
    y[3] = (u32)__ffs((int)x);
    y[4] = __float_as_uint(1.0f);
    y[5] = (u32)min((int)x, -5);
    y[6] = max(x, 7u);
    y[7] = x * x; // unsigned numbers may wrap
}
