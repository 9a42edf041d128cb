// interface.h: what compiled kernels ask of the runtime. Everything here is called from a running kernel, on a fiber.
//
// No header is included: a module must compile in about a second, and most of that second would be the headers'.
#pragma once

// A kernel, its parameters' sizes, and a function that reads them from a void** as cuLaunchKernel gets it.
struct EmulatorKernel {
    const char* name;
    void (*call)(void** arguments);
    const unsigned* parameter_sizes;
    unsigned parameter_count;
};

enum EmulatorVote { EmulatorVoteNone, EmulatorVoteCount, EmulatorVoteAnd, EmulatorVoteOr };
enum EmulatorReduction {
    EmulatorAdd, EmulatorMinSigned, EmulatorMinUnsigned, EmulatorMaxSigned, EmulatorMaxUnsigned,
    EmulatorBitAnd, EmulatorBitOr, EmulatorBitXor
};

#pragma GCC visibility push(default)
extern "C" {

// Where the calling thread stands: x in the lower half, then y and z with 16 bits each, which no limit of a launch
// exceeds. Const, and one number, so that the compiler asks once: a fiber keeps its place for life.
unsigned long long emulator_thread_index() __attribute__((const));
unsigned long long emulator_block_index() __attribute__((const));
unsigned long long emulator_block_size() __attribute__((const));
unsigned long long emulator_grid_size() __attribute__((const));
int emulator_lane() __attribute__((const));
void* emulator_dynamic_shared() __attribute__((const));

// A barrier of the whole block; file and line tell one __syncthreads from another.
int emulator_barrier(EmulatorVote vote, int predicate, const char* file, int line);

// Operations of the lanes in a mask. Values travel as 64 bits, whatever their type.
void emulator_warp_barrier(unsigned mask, const char* file, int line);
unsigned long long emulator_shuffle(
    unsigned mask, unsigned long long value, int source, const char* file, int line);
unsigned emulator_ballot(unsigned mask, int predicate, const char* file, int line);
unsigned emulator_match(unsigned mask, unsigned long long value, const char* file, int line);
unsigned emulator_reduce(unsigned mask, unsigned value, EmulatorReduction reduction, const char* file, int line);
void emulator_mma_m16n8k16_bf16(float* d, const unsigned* a, const unsigned* b, const char* file, int line);
void emulator_ldmatrix(unsigned* r, const void* row, int tiles, int transposed, const char* file, int line);

// Copies that a thread starts and later waits for.
void emulator_async_copy(void* shared, const void* global, int bytes);
void emulator_async_commit();
void emulator_async_wait(int pending_groups);

// Atomic access to 4 or 8 bytes; an exchange happens if they are as expected, and returns what they were. The first
// access of an operation names its place.
unsigned long long emulator_atomic_read(void* address, unsigned bytes, const void* caller);
unsigned long long emulator_atomic_exchange(
    void* address, unsigned bytes, unsigned long long expected, unsigned long long desired);

// Told before a read of what another block may have written.
void emulator_read_of_other_block(const void* address, unsigned bytes, const void* caller);

// Ends the launch with a message.
void emulator_trap(const char* text) __attribute__((noreturn));
}
#pragma GCC visibility pop
