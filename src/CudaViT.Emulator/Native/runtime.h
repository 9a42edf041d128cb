// runtime.h: the runtime's own structures. One launch runs at a time; its blocks are spread over native worker threads;
// a worker runs one block at a time, with a fiber for each of the block's threads.
#pragma once
#include "interface.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

// Called by the managed driver.
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace emulator {

constexpr unsigned kMaxThreads = 1024;
constexpr unsigned kMaxWarps = kMaxThreads / 32;
constexpr size_t kStackBytes = 64 << 10;
constexpr size_t kPageBytes = 4096;
constexpr size_t kMaxSharedBytes = 232448;
constexpr unsigned char kPoison = 0xff; // as a float, a double or a bf16: NaN

struct Index {
    unsigned x, y, z;
};

// A loaded module: where its code and constants lie, and its thread-local segment, which is its static shared memory.
struct Module {
    const char* begin;
    const char* end;
    uint64_t thread_local_id; // 0 without a segment
    uint64_t shared_bytes;
};

// A launch as the managed driver describes it (NativeLaunch in C#).
struct LaunchRequest {
    const EmulatorKernel* kernel;
    const Module* module;
    void** arguments;
    const char* label; // what messages call the kernel
    uint64_t owner;    // whose allocations it may touch
    uint64_t seed;
    uint64_t dynamic_bytes;
    Index grid;
    Index block;
    int32_t workers;
    int32_t checked;
};

struct Launch {
    const LaunchRequest* request;
    uint64_t blocks;
    unsigned threads; // of a block
    uint64_t block_stride, block_start; // the order in which blocks run
    uint32_t stamp; // checks: block b of this launch writes stamp + 1 + b into shadow memory
    std::atomic<uint64_t> next;
};

enum class FiberState : uint8_t { Fresh, Ready, Running, AtBarrier, InWarpOperation, Left };

// A copy begun by cp.async that nobody has waited for.
struct AsyncCopy {
    void* target;
    const void* source;
    uint32_t bytes;
    uint32_t group;
    const void* caller;
};

struct Fiber {
    Index thread;
    unsigned linear, lane, warp;
    FiberState state;
    void* stack_pointer;
    char* stack;
    const char* file; // where it waits
    int line;
    int predicate, verdict; // of a voting barrier
    std::vector<AsyncCopy> copies;
    uint32_t open_group;
};

// What one lane brings to a warp operation; results are left in the same place.
struct LaneOperands {
    uint64_t value;
    int source;
    const void* inputs[2];
    void* output;
    const void* caller;
};

struct WarpCall {
    unsigned mask;
    LaneOperands* lanes[32];
};
typedef void (*WarpWork)(WarpCall& call, int detail);

// An operation that some lanes of a warp have reached and others have not.
struct PendingOperation {
    unsigned mask, arrived;
    WarpWork work;
    int detail;
    const char* file;
    int line;
};

struct Warp {
    LaneOperands* operands[32];
    PendingOperation pending[32];
    unsigned pending_count;
    uint32_t epoch; // completed __syncwarp calls
};

// Shadow of one byte of shared memory; see shared_checks.cpp.
struct SharedCell {
    uint32_t write_epoch, read_epoch;
    uint16_t writer, writer_warp_epoch, reader, reader_warp_epoch;
};

struct Allocation {
    char* begin;
    uint64_t size;
    uint64_t owner, number;
    bool live;
    uint32_t* written; // shadow, one stamp a byte; see global_checks.cpp. Null without checks.
    uint32_t* read;
};

struct Worker {
    Fiber fibers[kMaxThreads];
    Warp warps[kMaxWarps];
    uint16_t ready[kMaxThreads]; // ring
    unsigned ready_head, ready_tail;
    Fiber* current;
    Fiber scheduler; // the native thread's own stack
    unsigned started, live, at_barrier;
    unsigned warp_stride, warp_start, lane_stride, lane_start; // the order in which threads start
    const char* barrier_file;
    int barrier_line;
    std::vector<char*> free_stacks, all_stacks;
    bool broken; // the block was given up
    uint64_t random;
    uint64_t block;
    Index block_index;
    uint32_t epoch, block_epoch; // completed barriers; their number when the block began
    char* dynamic_shared;
    size_t dynamic_bytes;
    char* static_shared;
    size_t static_bytes;
    std::vector<SharedCell> dynamic_cells, static_cells;
    Allocation* recent[64]; // allocations by address, as last found
    uint64_t accesses; // checked accesses since the running fiber was resumed
};

extern Launch* launch;              // the launch under way
extern thread_local Worker* worker; // null on threads that are no workers

// fibers.cpp
void run_block(uint64_t block);
void make_ready(unsigned thread);
void wait_for_others(Fiber* fiber, FiberState state);
uint64_t next_random(uint64_t& state);
unsigned coprime_stride(uint64_t random, uint64_t count);

// Whether two calls stand in one line; names of one file are mostly one string.
inline bool same_place(const char* file, int line, const char* other_file, int other_line)
{
    return line == other_line && (file == other_file || strcmp(file, other_file) == 0);
}

// The compiler knows files by the path that it searches for headers, which is the folder itself.
inline const char* file_name(const char* file) { return strncmp(file, "./", 2) == 0 ? file + 2 : file; }

// failure.cpp
bool failed();
void clear_failure();
const char* failure_message();
void report(const char* format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void fail(const void* caller, const char* format, ...) __attribute__((format(printf, 2, 3)));
[[noreturn]] void fail_at(const char* file, int line, const char* format, ...) __attribute__((format(printf, 3, 4)));
[[noreturn]] void give_up_block();

// memory.cpp
Allocation* find_allocation(const char* address, uint64_t owner);
Allocation* find_nearest(const char* address, size_t distance, uint64_t owner);
void for_each_allocation(void (*action)(Allocation&));

// warp.cpp
void warp_operation(
    unsigned mask, WarpWork work, int detail, LaneOperands& operands, const char* file, int line);

// checks.cpp
enum class Access : uint8_t {
    Read,
    Write,
    Atomic,
    OtherBlock, // a read of what another block may have written
    AsyncBegin, // cp.async: its target cannot be read or written
    AsyncEnd,   // until now
};
void check(const void* address, size_t bytes, Access access, const void* caller);

// shared_checks.cpp, global_checks.cpp
void check_shared(SharedCell* cells, size_t offset, size_t bytes, Access access, const char* kind, const void* caller);
void check_global(Allocation& allocation, size_t offset, size_t bytes, Access access, const void* caller);
bool begin_checked_launch(Launch& launch);

// async_copy.cpp
void finish_copies(Fiber& fiber);

} // namespace emulator
