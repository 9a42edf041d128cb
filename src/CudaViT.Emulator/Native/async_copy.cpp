// async_copy.cpp: cp.async. The target is poisoned at once and filled when the thread waits, which counts as its write:
// so whoever reads it too early sees poison, and is told in checked mode.
#include "runtime.h"

#include <cstring>

namespace emulator {

static void finish(Fiber& fiber, uint32_t groups)
{
    size_t kept = 0;
    for (const AsyncCopy& copy : fiber.copies) {
        if (copy.group < groups) {
            check(copy.target, copy.bytes, Access::AsyncEnd, copy.caller);
            memcpy(copy.target, copy.source, copy.bytes);
        } else {
            fiber.copies[kept++] = copy;
        }
    }
    fiber.copies.resize(kept);
}

// A thread that leaves does not take its copies along.
void finish_copies(Fiber& fiber)
{
    if (!fiber.copies.empty()) finish(fiber, UINT32_MAX);
}

} // namespace emulator

using namespace emulator;

void emulator_async_copy(void* shared, const void* global, int bytes)
{
    const void* caller = __builtin_return_address(0);
    if ((((uintptr_t)shared | (uintptr_t)global) & (uintptr_t)(bytes - 1)) != 0) {
        fail(caller, "cp.async of %d bytes from %p to %p: an address is not a multiple of %d", bytes, global, shared,
            bytes);
    }
    check(global, (size_t)bytes, Access::Read, caller);
    check(shared, (size_t)bytes, Access::AsyncBegin, caller);
    memset(shared, kPoison, (size_t)bytes);
    Fiber* fiber = worker->current;
    fiber->copies.push_back({shared, global, (uint32_t)bytes, fiber->open_group, caller});
}

void emulator_async_commit() { worker->current->open_group++; }

void emulator_async_wait(int pending_groups)
{
    Fiber* fiber = worker->current;
    if (fiber->open_group > (uint32_t)pending_groups) finish(*fiber, fiber->open_group - (uint32_t)pending_groups);
}
