// memory.cpp: device memory. Every allocation is poisoned and has a guard zone on each side.
#include "runtime.h"

#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <sys/mman.h>

namespace emulator {

constexpr size_t kGuardBytes = 256;
constexpr unsigned char kGuard = 0xa5;

// Never destroyed: other threads may still hold allocations while the process ends.
static std::map<uintptr_t, Allocation*>& table = *new std::map<uintptr_t, Allocation*>;
static std::shared_mutex& table_gate = *new std::shared_mutex;
static std::deque<Allocation*>& freed = *new std::deque<Allocation*>; // still in the table
static uint64_t numbers;

// Addresses of so many freed allocations are not used again, so that late accesses are recognised.
constexpr size_t kRemembered = 1024;

static size_t mapped_bytes(uint64_t size)
{
    return (kPageBytes + size + kGuardBytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

static bool is_guard(const char* zone)
{
    for (size_t i = 0; i < kGuardBytes; i++) {
        if ((unsigned char)zone[i] != kGuard) return false;
    }
    return true;
}

static bool guards_hold(const Allocation& a) { return is_guard(a.begin - kGuardBytes) && is_guard(a.begin + a.size); }

static void set_guards(const Allocation& a)
{
    memset(a.begin - kGuardBytes, kGuard, kGuardBytes);
    memset(a.begin + a.size, kGuard, kGuardBytes);
}

static uint32_t* make_stamps(uint64_t size)
{
    void* stamps = mmap(nullptr, size * sizeof(uint32_t) + 1, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return stamps == MAP_FAILED ? nullptr : (uint32_t*)stamps;
}

static void drop_stamps(Allocation& a)
{
    if (a.written != nullptr) munmap(a.written, a.size * sizeof(uint32_t) + 1);
    if (a.read != nullptr) munmap(a.read, a.size * sizeof(uint32_t) + 1);
    a.written = a.read = nullptr;
}

static void unmap(Allocation* a)
{
    drop_stamps(*a);
    munmap(a->begin - kPageBytes, mapped_bytes(a->size));
    delete a;
}

void for_each_allocation(void (*action)(Allocation&))
{
    std::shared_lock<std::shared_mutex> lock(table_gate);
    for (auto& [begin, a] : table) action(*a);
}

// The allocation that the address lies in, or else the last one before it.
Allocation* find_allocation(const char* address, uint64_t owner)
{
    std::shared_lock<std::shared_mutex> lock(table_gate);
    auto found = table.upper_bound((uintptr_t)address);
    if (found == table.begin()) return nullptr;
    Allocation* a = (--found)->second;
    return a->owner == owner ? a : nullptr;
}

// The allocation whose begin or end is nearest to an address outside of all, for messages.
Allocation* find_nearest(const char* address, size_t distance, uint64_t owner)
{
    std::shared_lock<std::shared_mutex> lock(table_gate);
    Allocation* nearest = nullptr;
    size_t best = distance;
    auto next = table.upper_bound((uintptr_t)address);
    if (next != table.end() && next->second->owner == owner && (size_t)(next->second->begin - address) < best) {
        nearest = next->second;
        best = (size_t)(nearest->begin - address);
    }
    if (next == table.begin()) return nearest;
    Allocation* before = std::prev(next)->second;
    const size_t gap = (size_t)(address - before->begin);
    return before->owner == owner && (gap < before->size || gap - before->size < best) ? before : nearest;
}

} // namespace emulator

using namespace emulator;

EXPORT void* emulator_allocate(uint64_t size, uint64_t owner, int checked)
{
    char* pages = (char*)mmap(
        nullptr, mapped_bytes(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    Allocation* a = new Allocation{pages + kPageBytes, size, owner, 0, true, nullptr, nullptr};
    if (checked != 0) {
        a->written = make_stamps(size);
        a->read = make_stamps(size);
        if (a->written == nullptr || a->read == nullptr) {
            unmap(a);
            return nullptr;
        }
    }
    memset(a->begin, kPoison, size);
    set_guards(*a);
    std::unique_lock<std::shared_mutex> lock(table_gate);
    a->number = ++numbers;
    table[(uintptr_t)a->begin] = a;
    return a->begin;
}

// 0: freed; 1: there is no such allocation; 2: freed, but its guard zones were overwritten.
EXPORT int emulator_free(void* address, uint64_t owner)
{
    std::unique_lock<std::shared_mutex> lock(table_gate);
    auto found = table.find((uintptr_t)address);
    if (found == table.end() || found->second->owner != owner || !found->second->live) return 1;
    Allocation* a = found->second;
    const bool hold = guards_hold(*a);
    const bool is_checked = a->written != nullptr;
    a->live = false;
    if (is_checked) {
        drop_stamps(*a);
        madvise(a->begin - kPageBytes, mapped_bytes(a->size), MADV_DONTNEED);
        freed.push_back(a);
    }
    if (!is_checked || freed.size() > kRemembered) {
        if (is_checked) {
            a = freed.front();
            freed.pop_front();
        }
        table.erase((uintptr_t)a->begin);
        unmap(a);
    }
    return hold ? 0 : 2;
}

// Whether a range lies in one live allocation.
EXPORT int emulator_owns(const void* address, uint64_t bytes, uint64_t owner)
{
    const char* p = (const char*)address;
    Allocation* a = find_allocation(p, owner);
    return a != nullptr && a->live && p + bytes <= a->begin + a->size;
}

// The number of an allocation whose guard zones do not hold, or 0; those zones are set up again. With an address, looks
// only at the allocation around it.
EXPORT uint64_t emulator_broken_guard(const void* address, uint64_t owner)
{
    if (address != nullptr) {
        Allocation* a = find_allocation((const char*)address, owner);
        if (a == nullptr || !a->live || guards_hold(*a)) return 0;
        set_guards(*a);
        return a->number;
    }
    std::shared_lock<std::shared_mutex> lock(table_gate);
    for (auto& [begin, a] : table) {
        if (a->owner == owner && a->live && !guards_hold(*a)) {
            set_guards(*a);
            return a->number;
        }
    }
    return 0;
}

// Number and size of the allocation around an address; 0 where there is none.
EXPORT uint64_t emulator_allocation_number(const void* address, uint64_t owner, uint64_t* size)
{
    Allocation* a = find_allocation((const char*)address, owner);
    if (a == nullptr) return 0;
    *size = a->size;
    return a->number;
}
