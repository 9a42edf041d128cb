// global_checks.cpp: reads of device memory that nobody has written, and accesses of two blocks to one address.
//
// Each byte has two stamps. Block b of a launch stamps what it touches with the launch's number + 1 + b, so a stamp
// above the launch's number belongs to this launch; the number itself marks a byte that several blocks have read. What
// the host has written has stamp 1, what nobody has written 0.
//
// Stamps are read and written without order between workers: of two accesses at the very same moment one may go unseen,
// but not in every block of a launch.
#include "runtime.h"

namespace emulator {

constexpr uint32_t kByHost = 1;

static uint32_t next_stamp = kByHost + 1;

bool begin_checked_launch(Launch& l)
{
    if (l.blocks > UINT32_MAX / 2) return false;
    if (next_stamp + l.blocks + 1 > UINT32_MAX) {
        for_each_allocation([](Allocation& a) {
            for (uint64_t i = 0; a.written != nullptr && i < a.size; i++) {
                if (a.written[i] != 0) a.written[i] = kByHost;
                a.read[i] = 0;
            }
        });
        next_stamp = kByHost + 1;
    }
    l.stamp = next_stamp;
    next_stamp += (uint32_t)l.blocks + 1;
    return true;
}

[[noreturn]] static void fail_conflict(
    const Allocation& a, size_t at, Access access, uint32_t other, const char* did, const void* caller)
{
    const char* does = access == Access::Write ? "writes" : access == Access::Atomic ? "atomically changes" : "reads";
    const uint32_t base = launch->stamp;
    if (other == base) {
        fail(caller, "%s byte %zu of allocation #%zu, which other blocks have %s", does, at, (size_t)a.number, did);
    }
    const Index grid = launch->request->grid;
    const uint32_t b = other - base - 1;
    fail(caller, "%s byte %zu of allocation #%zu, which block (%u, %u, %u) has %s", does, at, (size_t)a.number,
        b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y, did);
}

// Checks one byte, given its stamps, and changes them.
static inline void check_stamps(
    const Allocation& a, size_t at, uint32_t& written, uint32_t& read, uint32_t me, Access access, const void* caller)
{
    const uint32_t base = launch->stamp;
    if (written == 0 && access != Access::Write) {
        fail(caller, "reads byte %zu of allocation #%zu, which nobody has written", at, (size_t)a.number);
    }
    if (access == Access::OtherBlock) return;
    if (written > base && written != me) fail_conflict(a, at, access, written, "written", caller);
    if (access == Access::Read) {
        if (read != base) read = read > base && read != me ? base : me;
        return;
    }
    if (read >= base && read != me) fail_conflict(a, at, access, read, "read", caller);
    // Atomic changes leave no stamp: many blocks may make them, and the last one may then write plainly.
    if (access == Access::Write) written = me;
}

// Four stamps at once, which are alike nearly always: an element has at least four bytes, or its neighbours the same
// past.
typedef uint32_t Stamps __attribute__((vector_size(16)));

static inline bool alike(const Stamps& s) { return s[0] == s[1] && s[0] == s[2] && s[0] == s[3]; }

void check_global(Allocation& a, size_t offset, size_t bytes, Access access, const void* caller)
{
    if (!a.live) {
        fail(caller, "%s %zu bytes at offset %zu of allocation #%zu, which was freed",
            access == Access::Read || access == Access::OtherBlock ? "reads" : "writes", bytes, offset,
            (size_t)a.number);
    }
    const uint32_t me = launch->stamp + 1 + (uint32_t)worker->block;
    size_t i = offset;
    const size_t end = offset + bytes;
    while (i < end) {
        if (i % 4 == 0 && i + 4 <= end) {
            Stamps& written = *(Stamps*)&a.written[i];
            Stamps& read = *(Stamps*)&a.read[i];
            const Stamps w = written, r = read;
            if (alike(w) && alike(r)) {
                uint32_t now_written = w[0], now_read = r[0];
                check_stamps(a, i, now_written, now_read, me, access, caller);
                if (now_written != w[0]) written = Stamps{} + now_written;
                if (now_read != r[0]) read = Stamps{} + now_read;
                i += 4;
                continue;
            }
        }
        check_stamps(a, i, a.written[i], a.read[i], me, access, caller);
        i++;
    }
}

} // namespace emulator

using namespace emulator;

// Notes what the host has done: bytes are as written as those of the source, or simply written without one.
EXPORT void emulator_mark_written(void* target, const void* source, uint64_t bytes, uint64_t owner)
{
    Allocation* to = find_allocation((const char*)target, owner);
    if (to == nullptr || to->written == nullptr) return;
    uint32_t* stamps = to->written + ((const char*)target - to->begin);
    const Allocation* from = source != nullptr ? find_allocation((const char*)source, owner) : nullptr;
    const uint32_t* given = from != nullptr ? from->written + ((const char*)source - from->begin) : nullptr;
    for (uint64_t i = 0; i < bytes; i++) stamps[i] = given == nullptr || given[i] != 0 ? kByHost : 0;
}

// Offset, in its allocation, of the first byte of a range that nobody has written; or -1.
EXPORT int64_t emulator_first_unwritten(const void* address, uint64_t bytes, uint64_t owner)
{
    Allocation* a = find_allocation((const char*)address, owner);
    if (a == nullptr || a->written == nullptr) return -1;
    const uint64_t offset = (uint64_t)((const char*)address - a->begin);
    for (uint64_t i = offset; i < offset + bytes; i++) {
        if (a->written[i] == 0) return (int64_t)i;
    }
    return -1;
}
