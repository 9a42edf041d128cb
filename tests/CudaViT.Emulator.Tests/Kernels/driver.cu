// Plain kernels for the tests of the driver.

extern "C" __global__ void add_one(float* y, int count)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) y[i] += 1;
}

extern "C" __global__ void twice(float* y, const float* x)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = 2 * x[i];
}

// The order in which blocks, and the threads of each, get their numbers.
extern "C" __global__ void order(unsigned* blocks, unsigned* threads, unsigned* counters)
{
    __shared__ unsigned next;
    if (threadIdx.x == 0) next = 0;
    __syncthreads();
    threads[blockIdx.x * blockDim.x + atomicAdd(&next, 1u)] = threadIdx.x;
    if (threadIdx.x == 0) blocks[blockIdx.x] = atomicAdd(counters, 1u);
}

extern "C" __global__ void write_at(float* y, index_t i) { y[i] = 1; }

extern "C" __global__ void early_exit(float* y)
{
    if (threadIdx.x >= 40) return;
    __syncthreads();
    y[threadIdx.x] = 1;
}

// i says where, or the compiler would know the array by heart.
extern "C" __global__ void unwritten(float* y, const float* x, int i)
{
    __shared__ float s[32];
    if (threadIdx.x == 3) s[i] = x[0];
    __syncthreads();
    if (threadIdx.x == 0) y[0] = s[i + 1];
    if (threadIdx.x == 1) y[1] = x[0];
}
