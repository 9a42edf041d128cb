// checks.cpp: every memory access of a checked kernel arrives here before it happens, and is sent on by where it goes:
// the thread's own stack, shared memory, device memory, or nowhere it may go.
//
// The kernel is compiled with -fsanitize=thread, which has it call a function for each access. The sanitizer's own
// library is not linked in; those functions stand at the end of this file.
#include "runtime.h"

namespace emulator {

// Between two barriers, a thread of a test makes a million accesses at most; one that polls memory goes on for ever.
constexpr uint64_t kMaxAccesses = 1 << 26;

// How far beyond its end an array's neighbourhood reaches, for messages.
constexpr size_t kNear = 1 << 20;

static const char* verb(Access access)
{
    switch (access) {
    case Access::Write: return "writes";
    case Access::Atomic: return "atomically changes";
    case Access::AsyncBegin:
    case Access::AsyncEnd: return "copies to";
    default: return "reads";
    }
}

[[noreturn]] static void fail_outside(const char* p, size_t bytes, Access access, const void* caller)
{
    const Worker* w = worker;
    if (p + bytes > w->dynamic_shared - kNear && p < w->dynamic_shared + kMaxSharedBytes + kNear) {
        fail(caller, "%s %zu bytes at offset %td of the dynamic shared memory, which has %zu", verb(access), bytes,
            p - w->dynamic_shared, w->dynamic_bytes);
    }
    const Allocation* a = find_nearest(p, kNear, launch->request->owner);
    if (a == nullptr) {
        fail(caller, "%s %zu bytes at %p, which is no device memory", verb(access), bytes, p);
    }
    fail(caller, "%s %zu bytes at offset %td of allocation #%zu, which has %zu", verb(access), bytes, p - a->begin,
        (size_t)a->number, (size_t)a->size);
}

static Allocation* find_recent(Worker* w, const char* p, size_t bytes)
{
    Allocation*& recent = w->recent[(uintptr_t)p / kPageBytes % (sizeof w->recent / sizeof w->recent[0])];
    if (recent != nullptr && p >= recent->begin && p + bytes <= recent->begin + recent->size) return recent;
    Allocation* found = find_allocation(p, launch->request->owner);
    if (found == nullptr || p + bytes > found->begin + found->size) return nullptr;
    return recent = found;
}

static inline __attribute__((always_inline)) void check_access(
    const void* address, size_t bytes, Access access, const void* caller)
{
    Worker* w = worker;
    if (w == nullptr || w->current == nullptr || launch->request->checked == 0) return;
    const char* p = (const char*)address;
    if (p >= w->current->stack && p < w->current->stack + kStackBytes) return;
    if (++w->accesses > kMaxAccesses) {
        fail(caller, "has made %llu accesses without waiting or ending; it may never end",
            (unsigned long long)kMaxAccesses);
    }
    if (p >= w->dynamic_shared && p + bytes <= w->dynamic_shared + w->dynamic_bytes) {
        check_shared(w->dynamic_cells.data(), (size_t)(p - w->dynamic_shared), bytes, access, "dynamic", caller);
        return;
    }
    if (p >= w->static_shared && p + bytes <= w->static_shared + w->static_bytes) {
        check_shared(w->static_cells.data(), (size_t)(p - w->static_shared), bytes, access, "static", caller);
        return;
    }
    if (access == Access::AsyncBegin || access == Access::AsyncEnd) {
        fail(caller, "cp.async copies to %p, which is no shared memory", p);
    }
    if (Allocation* a = find_recent(w, p, bytes)) {
        check_global(*a, (size_t)(p - a->begin), bytes, access, caller);
        return;
    }
    const Module& module = *launch->request->module;
    if (p >= module.begin && p + bytes <= module.end) {
        if (access == Access::Read) return; // tables of constants
        fail(caller, "%s constant data of its module", verb(access));
    }
    fail_outside(p, bytes, access, caller);
}

void check(const void* address, size_t bytes, Access access, const void* caller)
{
    check_access(address, bytes, access, caller);
}

} // namespace emulator

using namespace emulator;

unsigned long long emulator_atomic_read(void* address, unsigned bytes, const void* caller)
{
    check(address, bytes, Access::Atomic, caller);
    return bytes == 4 ? __atomic_load_n((uint32_t*)address, __ATOMIC_RELAXED)
                      : __atomic_load_n((uint64_t*)address, __ATOMIC_RELAXED);
}

unsigned long long emulator_atomic_exchange(
    void* address, unsigned bytes, unsigned long long expected, unsigned long long desired)
{
    uint64_t seen = expected;
    uint32_t seen_half = (uint32_t)expected;
    if (bytes == 8) {
        __atomic_compare_exchange_n(
            (uint64_t*)address, &seen, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
        return seen;
    }
    __atomic_compare_exchange_n(
        (uint32_t*)address, &seen_half, (uint32_t)desired, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    return seen_half;
}

void emulator_read_of_other_block(const void* address, unsigned bytes, const void* caller)
{
    check(address, bytes, Access::OtherBlock, caller);
}

#define CALLER __builtin_return_address(0)
#define ACCESSES(bytes)                                                                               \
    EXPORT void __tsan_read##bytes(void* p) { check_access(p, bytes, Access::Read, CALLER); }                \
    EXPORT void __tsan_write##bytes(void* p) { check_access(p, bytes, Access::Write, CALLER); }              \
    EXPORT void __tsan_unaligned_read##bytes(void* p) { check_access(p, bytes, Access::Read, CALLER); }      \
    EXPORT void __tsan_unaligned_write##bytes(void* p) { check_access(p, bytes, Access::Write, CALLER); }
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
EXPORT void __tsan_read_range(void* p, size_t bytes) { check(p, bytes, Access::Read, CALLER); }
EXPORT void __tsan_write_range(void* p, size_t bytes) { check(p, bytes, Access::Write, CALLER); }

// How clang copies and fills structures.
EXPORT void* __tsan_memcpy(void* target, const void* source, size_t bytes)
{
    if (bytes > 0) check(source, bytes, Access::Read, CALLER);
    if (bytes > 0) check(target, bytes, Access::Write, CALLER);
    return memcpy(target, source, bytes);
}
EXPORT void* __tsan_memmove(void* target, const void* source, size_t bytes)
{
    if (bytes > 0) check(source, bytes, Access::Read, CALLER);
    if (bytes > 0) check(target, bytes, Access::Write, CALLER);
    return memmove(target, source, bytes);
}
EXPORT void* __tsan_memset(void* target, int value, size_t bytes)
{
    if (bytes > 0) check(target, bytes, Access::Write, CALLER);
    return memset(target, value, bytes);
}

EXPORT void __tsan_init() {}
EXPORT void __tsan_func_entry(void*) {}
EXPORT void __tsan_func_exit() {}
