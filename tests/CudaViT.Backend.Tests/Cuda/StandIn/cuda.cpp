// A stand-in for the CUDA driver's library: its functions, with the types and entry points of cuda.h, on the memory of this
// machine. It lets the managed driver be tested without a GPU: signatures, order of streams, staging, recording, failures.
// It is not the emulator: it knows a few kernels by name and computes one of them: "scale" halves, "fault" is a fault,
// "block" waits, when it runs, until "open" is launched, and plain products are only remembered.
//
// Work is put off as long as it may be: until something waits for it, or waits for something that waits for it. A buffer
// that is reused too early therefore shows. Memory that was given back is poisoned, and using it is a fault.
//
// Environment: STAND_IN_VERSION (default 13000), STAND_IN_DEVICES (1), STAND_IN_CAPABILITY (90), STAND_IN_POOLS (1).
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

constexpr int kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kNoDevice = 100,
    kInvalidImage = 200, kInvalidContext = 201, kNotFound = 500, kNotReady = 600, kIllegalAddress = 700, kTimeout = 702,
    kUnsupported = 900, kUnjoined = 904;
constexpr size_t kTotalMemory = size_t(512) << 20;

struct Stream;

// One recording of an event.
struct Marker {
    Stream* stream;
    bool reached = false;
    bool isCaptured = false;
};

struct Event {
    std::shared_ptr<Marker> marker; // null: never recorded
};

typedef std::function<void()> Work;

struct Graph {
    std::vector<Work> work;
};

struct Stream {
    std::deque<Work> queue;
    std::unique_ptr<Graph> recording;
    bool isBroken = false; // something waited for it while it recorded
};

struct Function {
    std::string name;
    int dynamicShared = 48 << 10;
};

struct Module {
    std::map<std::string, std::unique_ptr<Function>> functions;
};

std::recursive_mutex gate;
std::condition_variable_any changed;
std::atomic<int> waiters{0}; // threads in the kernel "block"
bool isOpen = false;
std::string lastProduct;
int fault = kSuccess;
bool isInitialized = false;
int contextUsers = 0;
int context; // its address is the handle
thread_local void* current = nullptr;
std::vector<Stream*> streams; // for good: markers point to them
std::map<uintptr_t, size_t> allocations;
size_t allocated = 0;

int setting(const char* name, int otherwise)
{
    const char* text = getenv(name);
    return text ? atoi(text) : otherwise;
}

void run(Stream* stream)
{
    while (!stream->queue.empty()) {
        Work next = std::move(stream->queue.front());
        stream->queue.pop_front();
        next();
    }
}

void run_until(Marker& marker)
{
    while (!marker.reached && !marker.stream->queue.empty()) {
        Work next = std::move(marker.stream->queue.front());
        marker.stream->queue.pop_front();
        next();
    }
}

void push(Stream* stream, Work work)
{
    if (stream->recording) stream->recording->work.push_back(std::move(work));
    else stream->queue.push_back(std::move(work));
}

// Whether bytes at an address are one allocation's; else the device faults.
bool check(uintptr_t address, size_t bytes)
{
    auto next = allocations.upper_bound(address);
    if (next == allocations.begin()) return fault = kIllegalAddress, false;
    --next;
    if (address + bytes > next->first + next->second) return fault = kIllegalAddress, false;
    return true;
}

int allocate(uint64_t* address, size_t bytes)
{
    if (allocated + bytes > kTotalMemory) return kOutOfMemory;
    void* memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(memory, 0xCD, bytes);
    allocations[(uintptr_t)memory] = bytes;
    allocated += bytes;
    *address = (uintptr_t)memory;
    return kSuccess;
}

// The memory itself is kept, so that what still refers to it finds poison and not somebody else's values.
void release(uintptr_t address)
{
    auto found = allocations.find(address);
    if (found == allocations.end()) {
        fault = kIllegalAddress;
        return;
    }
    memset((void*)address, 0xEE, found->second);
    allocated -= found->second;
    allocations.erase(found);
}

} // namespace

// What every call begins with: a lock, a context of the calling thread, and the fault of an earlier call.
#define ENTER \
    std::lock_guard<std::recursive_mutex> lock(gate); \
    if (!isInitialized) return kNotInitialized; \
    if (current != &context || contextUsers == 0) return kInvalidContext; \
    if (fault) return fault

API cuInit(unsigned flags)
{
    isInitialized = setting("STAND_IN_DEVICES", 1) > 0;
    return flags != 0 ? kInvalidValue : isInitialized ? kSuccess : kNoDevice;
}

API cuDriverGetVersion(int* version) { return *version = setting("STAND_IN_VERSION", 13000), kSuccess; }

API cuGetErrorName(int status, const char** name)
{
    return *name = status == 12345 ? "CUDA_ERROR_MADE_UP" : nullptr, kSuccess;
}

API cuDeviceGetCount(int* count) { return *count = setting("STAND_IN_DEVICES", 1), kSuccess; }

API cuDeviceGet(int* device, int ordinal) { return *device = 70 + ordinal, kSuccess; }

API cuDeviceGetName(char* name, int length, int device)
{
    strncpy(name, device == 70 ? "Stand-in 0" : "Stand-in 1", length);
    return kSuccess;
}

API cuDeviceGetAttribute(int* value, int attribute, int device)
{
    if (device < 70) return 101;
    switch (attribute) {
    case 16: *value = 132; return kSuccess;
    case 75: *value = setting("STAND_IN_CAPABILITY", 90) / 10; return kSuccess;
    case 76: *value = setting("STAND_IN_CAPABILITY", 90) % 10; return kSuccess;
    case 97: *value = 227 << 10; return kSuccess;
    case 115: *value = setting("STAND_IN_POOLS", 1); return kSuccess;
    default: return kInvalidValue;
    }
}

API cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = kTotalMemory, kSuccess; }

API cuDevicePrimaryCtxRetain(void** handle, int) { return contextUsers++, *handle = &context, kSuccess; }

API cuDevicePrimaryCtxRelease_v2(int) { return contextUsers > 0 ? contextUsers--, kSuccess : kInvalidContext; }

API cuCtxSetCurrent(void* handle) { return current = handle, kSuccess; }

API cuDeviceGetDefaultMemPool(void** pool, int device)
{
    static int pools[2];
    return *pool = &pools[device - 70], kSuccess;
}

API cuMemGetInfo_v2(size_t* free, size_t* total)
{
    ENTER;
    return *free = kTotalMemory - allocated, *total = kTotalMemory, kSuccess;
}

API cuMemAlloc_v2(uint64_t* address, size_t bytes)
{
    ENTER;
    return bytes == 0 ? kInvalidValue : allocate(address, bytes);
}

API cuMemFree_v2(uint64_t address)
{
    ENTER;
    for (Stream* stream : streams) run(stream);
    release(address);
    return fault;
}

API cuMemAllocAsync(uint64_t* address, size_t bytes, Stream* stream)
{
    ENTER;
    if (stream->recording) return kUnsupported; // would become a node of the graph
    return bytes == 0 ? kInvalidValue : allocate(address, bytes);
}

API cuMemFreeAsync(uint64_t address, Stream* stream)
{
    ENTER;
    if (stream->recording) return kUnsupported;
    push(stream, [=] { release(address); });
    return kSuccess;
}

API cuMemPoolTrimTo(void* pool, size_t)
{
    ENTER;
    return pool ? kSuccess : kInvalidValue;
}

API cuMemHostAlloc(void** memory, size_t bytes, unsigned flags)
{
    ENTER;
    return flags ? kInvalidValue : (*memory = malloc(bytes), kSuccess);
}

API cuMemFreeHost(void* memory)
{
    ENTER;
    return free(memory), kSuccess;
}

API cuMemcpyHtoDAsync_v2(uint64_t destination, const void* source, size_t bytes, Stream* stream)
{
    ENTER;
    push(stream, [=] { if (check(destination, bytes)) memcpy((void*)destination, source, bytes); });
    return kSuccess;
}

API cuMemcpyDtoHAsync_v2(void* destination, uint64_t source, size_t bytes, Stream* stream)
{
    ENTER;
    push(stream, [=] { if (check(source, bytes)) memcpy(destination, (void*)source, bytes); });
    return kSuccess;
}

API cuMemcpyDtoDAsync_v2(uint64_t destination, uint64_t source, size_t bytes, Stream* stream)
{
    ENTER;
    push(stream, [=] {
        if (check(source, bytes) && check(destination, bytes)) memmove((void*)destination, (void*)source, bytes);
    });
    return kSuccess;
}

API cuMemsetD8Async(uint64_t destination, unsigned char value, size_t bytes, Stream* stream)
{
    ENTER;
    push(stream, [=] { if (check(destination, bytes)) memset((void*)destination, value, bytes); });
    return kSuccess;
}

API cuStreamCreate(Stream** stream, unsigned flags)
{
    ENTER;
    if (flags != 1) return kInvalidValue;
    streams.push_back(*stream = new Stream);
    return kSuccess;
}

API cuStreamDestroy_v2(Stream* stream)
{
    ENTER;
    return run(stream), kSuccess;
}

API cuStreamSynchronize(Stream* stream)
{
    ENTER;
    if (stream->recording) return stream->isBroken = true, kUnsupported;
    run(stream);
    return fault;
}

API cuStreamQuery(Stream* stream)
{
    ENTER;
    return stream->queue.empty() ? kSuccess : kNotReady;
}

API cuStreamWaitEvent(Stream* stream, Event* event, unsigned flags)
{
    ENTER;
    if (flags) return kInvalidValue;
    std::shared_ptr<Marker> marker = event->marker;
    if (!marker) return kSuccess;
    if (marker->isCaptured) return kUnjoined; // the waiting stream would become part of the recording
    push(stream, [=] { run_until(*marker); });
    return kSuccess;
}

API cuStreamBeginCapture_v2(Stream* stream, int mode)
{
    ENTER;
    if (mode != 2) return kInvalidValue; // with the others, allocations fail while recording
    stream->recording = std::make_unique<Graph>();
    stream->isBroken = false;
    return kSuccess;
}

API cuStreamEndCapture(Stream* stream, Graph** graph)
{
    ENTER;
    *graph = stream->recording.release();
    return stream->isBroken ? 901 : kSuccess;
}

API cuEventCreate(Event** event, unsigned flags)
{
    ENTER;
    return flags & ~2u ? kInvalidValue : (*event = new Event, kSuccess);
}

API cuEventDestroy_v2(Event* event)
{
    ENTER;
    return delete event, kSuccess;
}

API cuEventRecord(Event* event, Stream* stream)
{
    ENTER;
    auto marker = std::make_shared<Marker>(Marker{stream});
    event->marker = marker;
    marker->isCaptured = stream->recording != nullptr;
    push(stream, [=] { marker->reached = true; });
    return kSuccess;
}

API cuEventSynchronize(Event* event)
{
    ENTER;
    if (event->marker) run_until(*event->marker);
    return fault;
}

API cuEventElapsedTime(float* milliseconds, Event* start, Event* end)
{
    ENTER;
    if (!start->marker || !end->marker || !start->marker->reached || !end->marker->reached) return kInvalidValue;
    return *milliseconds = 1.5f, kSuccess;
}

API cuModuleLoadData(Module** module, const void* image)
{
    ENTER;
    if (memcmp(image, "STAND-IN", 8) != 0) return kInvalidImage;
    *module = new Module;
    auto add = [=](const char* name) { (*module)->functions[name] = std::make_unique<Function>(Function{name}); };
    for (const char* name : {"scale", "fault", "block", "open"}) add(name);
    if (((const char*)image)[8] == '+') {
        for (const char* name : {"matmul", "matmul_mma_nn", "matmul_mma_nt", "matmul_mma_tn", "matmul_mma_tt"}) add(name);
    }
    return kSuccess;
}

API cuModuleUnload(Module* module)
{
    ENTER;
    return delete module, kSuccess;
}

API cuModuleGetFunction(Function** function, Module* module, const char* name)
{
    ENTER;
    auto found = module->functions.find(name);
    return found == module->functions.end() ? kNotFound : (*function = found->second.get(), kSuccess);
}

API cuFuncGetAttribute(int* value, int attribute, Function* function)
{
    ENTER;
    switch (attribute) {
    case 0: *value = 1024; return kSuccess;
    case 1: *value = 1024; return kSuccess; // static shared memory
    case 3: *value = 0; return kSuccess;
    case 4: *value = 32; return kSuccess;
    case 8: *value = function->dynamicShared; return kSuccess;
    default: return kInvalidValue;
    }
}

API cuFuncSetAttribute(Function* function, int attribute, int value)
{
    ENTER;
    return attribute != 8 ? kInvalidValue : (function->dynamicShared = value, kSuccess);
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function*, int threads, size_t)
{
    ENTER;
    return *blocks = 2048 / threads, kSuccess;
}

API cuLaunchKernel(
    Function* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
    unsigned sharedBytes, Stream* stream, void** parameters, void** extra)
{
    ENTER;
    if (gridX == 0 || gridY == 0 || gridZ == 0 || extra) return kInvalidValue;
    if (blockX * blockY * blockZ > 1024 || sharedBytes > (unsigned)function->dynamicShared) return kInvalidValue;
    if (function->name == "fault") {
        push(stream, [] { fault = kIllegalAddress; });
        return kSuccess;
    }
    if (function->name == "block") {
        push(stream, [] {
            waiters++; // what waits lets the others in; that somebody keeps them out shows after the time
            if (!changed.wait_for(gate, std::chrono::seconds(20), [] { return isOpen; })) fault = kTimeout;
            isOpen = false;
            waiters--;
        });
        return kSuccess;
    }
    if (function->name == "open") {
        isOpen = true;
        changed.notify_all();
        return kSuccess;
    }
    if (function->name.rfind("matmul", 0) == 0) return lastProduct = function->name, kSuccess;
    float* y = *(float**)parameters[0];
    const float* x = *(const float**)parameters[1];
    int count = *(int*)parameters[2];
    push(stream, [=] {
        if (!check((uintptr_t)y, count * sizeof(float)) || !check((uintptr_t)x, count * sizeof(float))) return;
        for (int i = 0; i < count; i++) y[i] = x[i] / 2;
    });
    return kSuccess;
}

API cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long flags)
{
    ENTER;
    return flags ? kInvalidValue : (*executable = new Graph(*graph), kSuccess);
}

API cuGraphLaunch(Graph* executable, Stream* stream)
{
    ENTER;
    for (const Work& work : executable->work) push(stream, work);
    return kSuccess;
}

API cuGraphDestroy(Graph* graph)
{
    ENTER;
    return delete graph, kSuccess;
}

API cuGraphExecDestroy(Graph* executable)
{
    ENTER;
    return delete executable, kSuccess;
}

// For tests.
extern "C" __attribute__((visibility("default"))) int stand_in_waiters() { return waiters; }

extern "C" __attribute__((visibility("default"))) const char* stand_in_last_product() { return lastProduct.c_str(); }

// For the other libraries that stand in.
extern "C" __attribute__((visibility("default"))) void stand_in_push(void* stream, std::function<void()> work)
{
    std::lock_guard<std::recursive_mutex> lock(gate);
    push((Stream*)stream, std::move(work));
}

extern "C" __attribute__((visibility("default"))) bool stand_in_check(const void* address, size_t bytes)
{
    return check((uintptr_t)address, bytes);
}
