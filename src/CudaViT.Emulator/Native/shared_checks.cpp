// shared_checks.cpp: reads of shared memory that the block has not written, and races between its threads.
//
// Each byte remembers its last write and its last reads: by whom, how many barriers the block had passed by then, and how
// many __syncwarp the warp had. Two accesses of different threads, one of them a write, are a race unless a barrier lies
// between them, or the threads share a warp and a __syncwarp does. Shuffles and the like order no memory.
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
        fail(caller, "%s byte %zu of the %s shared memory, which other threads have %s since the last barrier", does, at,
            kind, did);
    }
    const EmulatorIndex t = worker->fibers[other & kThreadMask].thread;
    fail(caller, "%s byte %zu of the %s shared memory, which thread (%u, %u, %u) has %s since the last barrier", does, at,
        kind, t.x, t.y, t.z, did);
}

void check_shared(SharedCell* cells, size_t offset, size_t bytes, Access access, const char* kind, const void* caller)
{
    const Worker* w = worker;
    const uint16_t me = (uint16_t)w->current->linear;
    const unsigned my_warp = w->current->warp;
    const uint16_t warp_epoch = (uint16_t)w->warps[my_warp].epoch;
    const uint32_t epoch = w->epoch;
    const bool writes = access == Access::Write || access == Access::AsyncBegin || access == Access::AsyncEnd;
    const bool atomic = access == Access::Atomic;
    const char* does = writes ? "writes" : atomic ? "atomically changes" : "reads";

    for (size_t i = offset; i < offset + bytes; i++) {
        SharedCell& cell = cells[i];
        const bool written = cell.write_epoch >= w->block_epoch;
        if (!writes && !written) {
            fail(caller, "%s byte %zu of the %s shared memory, which this block has not written", does, i, kind);
        }
        if (written && (cell.writer & kCopying) != 0 && access != Access::AsyncEnd) {
            fail(caller, "%s byte %zu of the %s shared memory, the target of a cp.async that has not been waited for",
                does, i, kind);
        }

        // Since the last barrier, and not before a __syncwarp of the same warp?
        const uint16_t writer = cell.writer & kThreadMask;
        if (cell.write_epoch == epoch && !(atomic && (cell.writer & kAtomic) != 0)
            && (writer != me || (cell.writer & kAtomic) != 0)
            && !(writer / 32u == my_warp && cell.writer_warp_epoch != warp_epoch)) {
            fail_race(does, i, kind, writer, (cell.writer & kAtomic) != 0 ? "changed" : "written", caller);
        }
        const uint16_t reader = cell.reader;
        if ((writes || atomic) && cell.read_epoch == epoch && reader != me) {
            const bool by_my_warp = reader != kSeveral && (reader & kThreadMask) / 32u == my_warp;
            if (!(by_my_warp && cell.reader_warp_epoch != warp_epoch)) {
                fail_race(does, i, kind, reader, "read", caller);
            }
        }

        if (writes || atomic) {
            cell.write_epoch = epoch;
            cell.writer = me | (atomic ? kAtomic : 0) | (access == Access::AsyncBegin ? kCopying : 0);
            cell.writer_warp_epoch = warp_epoch;
        } else {
            // Reads of this warp from before its last __syncwarp are ordered before whatever this thread does next.
            const bool by_my_warp = reader != kSeveral && (reader & kThreadMask) / 32u == my_warp;
            const bool alone = cell.read_epoch != epoch || reader == me
                || (by_my_warp && cell.reader_warp_epoch != warp_epoch);
            cell.read_epoch = epoch;
            cell.reader = alone ? me : by_my_warp ? me | kSeveralOfWarp : kSeveral;
            cell.reader_warp_epoch = warp_epoch;
        }
    }
}

} // namespace emulator
