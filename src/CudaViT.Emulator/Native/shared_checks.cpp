// shared_checks.cpp: reads of shared memory that the block has not written, and races between its threads.
//
// Each byte remembers its last write and its last reads: by whom, how many barriers the block had passed by then, and
// how many __syncwarp the warp had. Two accesses of different threads, one of them a write, are a race unless a barrier
// lies between them, or the threads share a warp and a __syncwarp does. Shuffles and the like order no memory.
#include "runtime.h"

namespace emulator {

constexpr uint16_t kThreadMask = 0x3ff;
constexpr uint16_t kAtomic = 0x4000;        // writer: by atomics, perhaps of several threads
constexpr uint16_t kCopying = 0x8000;       // writer: the target of a cp.async that nobody has waited for
constexpr uint16_t kSeveralOfWarp = 0x8000; // reader: more than one lane of that thread's warp
constexpr uint16_t kSeveral = 0xffff;       // reader: threads of more than one warp

[[noreturn]] static void fail_race(
    const char* does, size_t at, const char* kind, unsigned other, const char* did, const void* caller)
{
    if (other == kSeveral) {
        fail(caller, "%s byte %zu of the %s shared memory, which other threads have %s since the last barrier", does,
            at, kind, did);
    }
    const Index t = worker->fibers[other & kThreadMask].thread;
    fail(caller, "%s byte %zu of the %s shared memory, which thread (%u, %u, %u) has %s since the last barrier", does,
        at, kind, t.x, t.y, t.z, did);
}

// What is the same for all bytes of an access.
struct SharedAccess {
    uint16_t me, warp, warp_epoch;
    uint32_t epoch, block_epoch;
    Access access;
    const char* kind;
    const void* caller;

    bool atomic() const { return access == Access::Atomic; }
    bool writes() const
    {
        return access == Access::Write || access == Access::AsyncBegin || access == Access::AsyncEnd;
    }
    bool before_warp_barrier(uint16_t thread, uint16_t its_warp_epoch) const
    {
        return (thread & kThreadMask) / 32 == warp && its_warp_epoch != warp_epoch;
    }
};

// Checks one byte and notes the access.
static inline void check_cell(SharedCell& cell, size_t at, const SharedAccess& now)
{
    const bool writes = now.writes(), atomic = now.atomic();
    const char* does = writes ? "writes" : atomic ? "atomically changes" : "reads";
    const bool written = cell.write_epoch >= now.block_epoch;
    if (!writes && !written) {
        fail(now.caller, "%s byte %zu of the %s shared memory, which this block has not written", does, at, now.kind);
    }
    if (written && (cell.writer & kCopying) != 0 && now.access != Access::AsyncEnd) {
        fail(now.caller, "%s byte %zu of the %s shared memory, the target of a cp.async that has not been waited for",
            does, at, now.kind);
    }

    const bool by_atomic = (cell.writer & kAtomic) != 0;
    const bool my_write = (cell.writer & kThreadMask) == now.me && !by_atomic;
    if (cell.write_epoch == now.epoch && !my_write && !(atomic && by_atomic)
        && !now.before_warp_barrier(cell.writer, cell.writer_warp_epoch)) {
        fail_race(does, at, now.kind, cell.writer & kThreadMask, by_atomic ? "changed" : "written", now.caller);
    }
    const bool read = cell.read_epoch == now.epoch;
    const bool ordered = cell.reader != kSeveral && now.before_warp_barrier(cell.reader, cell.reader_warp_epoch);
    if (writes || atomic) {
        if (read && cell.reader != now.me && !ordered) {
            fail_race(does, at, now.kind, cell.reader, "read", now.caller);
        }
        cell.write_epoch = now.epoch;
        cell.writer = now.me | (atomic ? kAtomic : 0) | (now.access == Access::AsyncBegin ? kCopying : 0);
        cell.writer_warp_epoch = now.warp_epoch;
    } else {
        // Reads of this warp from before its last __syncwarp are ordered before whatever this thread does next.
        const bool by_my_warp = cell.reader != kSeveral && (cell.reader & kThreadMask) / 32 == now.warp;
        cell.reader = !read || cell.reader == now.me || ordered ? now.me
            : by_my_warp ? now.me | kSeveralOfWarp
            : kSeveral;
        cell.read_epoch = now.epoch;
        cell.reader_warp_epoch = now.warp_epoch;
    }
}

void check_shared(SharedCell* cells, size_t offset, size_t bytes, Access access, const char* kind, const void* caller)
{
    const Worker* w = worker;
    const Fiber* fiber = w->current;
    const SharedAccess now{(uint16_t)fiber->linear, (uint16_t)fiber->warp, (uint16_t)w->warps[fiber->warp].epoch,
        w->epoch, w->block_epoch, access, kind, caller};
    size_t i = offset;
    const size_t end = offset + bytes;
    while (i < end) {
        // The bytes of an element nearly always share their past.
        if (i % 4 == 0 && i + 4 <= end && memcmp(&cells[i], &cells[i + 1], 3 * sizeof(SharedCell)) == 0) {
            check_cell(cells[i], i, now);
            for (size_t j = 1; j < 4; j++) cells[i + j] = cells[i];
            i += 4;
        } else {
            check_cell(cells[i], i, now);
            i++;
        }
    }
}

} // namespace emulator
