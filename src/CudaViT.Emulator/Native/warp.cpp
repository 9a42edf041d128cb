// warp.cpp: operations of the lanes of a warp. Each lane parks with a pointer to its operands; the last one to come
// does the work for all and makes the others ready.
#include "runtime.h"

namespace emulator {

void warp_operation(
    unsigned mask, WarpWork work, int detail, LaneOperands& operands, const char* file, int line)
{
    Worker* w = worker;
    Fiber* fiber = w->current;
    Warp& warp = w->warps[fiber->warp];
    const unsigned bit = 1u << fiber->lane;
    const unsigned first = fiber->warp * 32;
    const unsigned lanes = launch->threads - first < 32 ? launch->threads - first : 32;
    if ((mask & bit) == 0) {
        fail_at(file, line, "lane %u calls a warp operation with the mask 0x%08x, which does not name it", fiber->lane,
            mask);
    }
    if (lanes < 32 && mask >> lanes != 0) {
        fail_at(file, line, "a warp operation has the mask 0x%08x, but this warp has only %u lanes", mask, lanes);
    }

    unsigned index = 0;
    while (index < warp.pending_count && warp.pending[index].mask != mask) index++;
    PendingOperation& pending = warp.pending[index];
    if (index == warp.pending_count) {
        // At most 32 lanes wait, each in one operation.
        warp.pending_count++;
        pending = {mask, 0, work, detail, file, line};
    } else if (pending.work != work || pending.detail != detail
        || !same_place(pending.file, pending.line, file, line)) {
        fail_at(file, line, "lanes of one warp meet in different warp operations: others wait at %s:%d",
            file_name(pending.file), pending.line);
    }
    pending.arrived |= bit;
    warp.operands[fiber->lane] = &operands;
    fiber->file = file;
    fiber->line = line;
    if (pending.arrived != mask) {
        wait_for_others(fiber, FiberState::InWarpOperation);
        return;
    }

    pending = warp.pending[--warp.pending_count];
    WarpCall call;
    call.mask = mask;
    for (unsigned i = 0; i < 32; i++) call.lanes[i] = mask >> i & 1 ? warp.operands[i] : nullptr;
    work(call, detail);
    const unsigned start = (unsigned)(next_random(w->random) % 32);
    for (unsigned i = 0; i < 32; i++) {
        const unsigned lane = (start + i) % 32;
        if ((mask >> lane & 1) != 0 && lane != fiber->lane) make_ready(first + lane);
    }
}

static void do_barrier(WarpCall&, int) { worker->warps[worker->current->warp].epoch++; }

static void do_shuffle(WarpCall& call, int)
{
    uint64_t values[32];
    for (int i = 0; i < 32; i++) values[i] = call.lanes[i] != nullptr ? call.lanes[i]->value : 0;
    for (int i = 0; i < 32; i++) {
        LaneOperands* lane = call.lanes[i];
        if (lane == nullptr) continue;
        if (lane->source < 0 || lane->source > 31 || (call.mask >> lane->source & 1) == 0) {
            fail(lane->caller, "lane %d reads lane %d in a shuffle, which is not in the mask 0x%08x", i, lane->source,
                call.mask);
        }
        lane->value = values[lane->source];
    }
}

static void do_ballot(WarpCall& call, int)
{
    unsigned votes = 0;
    for (int i = 0; i < 32; i++) {
        if (call.lanes[i] != nullptr && call.lanes[i]->value != 0) votes |= 1u << i;
    }
    for (LaneOperands* lane : call.lanes) {
        if (lane != nullptr) lane->value = votes;
    }
}

static void do_match(WarpCall& call, int)
{
    unsigned same[32] = {};
    for (int i = 0; i < 32; i++) {
        for (int j = 0; j < 32; j++) {
            if (call.lanes[i] != nullptr && call.lanes[j] != nullptr && call.lanes[i]->value == call.lanes[j]->value) {
                same[i] |= 1u << j;
            }
        }
    }
    for (int i = 0; i < 32; i++) {
        if (call.lanes[i] != nullptr) call.lanes[i]->value = same[i];
    }
}

static unsigned combine(unsigned a, unsigned b, EmulatorReduction reduction)
{
    switch (reduction) {
    case EmulatorAdd: return a + b;
    case EmulatorMinSigned: return (int)a < (int)b ? a : b;
    case EmulatorMinUnsigned: return a < b ? a : b;
    case EmulatorMaxSigned: return (int)a > (int)b ? a : b;
    case EmulatorMaxUnsigned: return a > b ? a : b;
    case EmulatorBitAnd: return a & b;
    case EmulatorBitOr: return a | b;
    default: return a ^ b;
    }
}

static void do_reduce(WarpCall& call, int reduction)
{
    bool any = false;
    unsigned result = 0;
    for (LaneOperands* lane : call.lanes) {
        if (lane == nullptr) continue;
        result = any ? combine(result, (unsigned)lane->value, (EmulatorReduction)reduction) : (unsigned)lane->value;
        any = true;
    }
    for (LaneOperands* lane : call.lanes) {
        if (lane != nullptr) lane->value = result;
    }
}

} // namespace emulator

using namespace emulator;

void emulator_warp_barrier(unsigned mask, const char* file, int line)
{
    LaneOperands operands{};
    warp_operation(mask, do_barrier, 0, operands, file, line);
}

unsigned long long emulator_shuffle(unsigned mask, unsigned long long value, int source, const char* file, int line)
{
    LaneOperands operands{value, source, {}, nullptr, __builtin_return_address(0)};
    warp_operation(mask, do_shuffle, 0, operands, file, line);
    return operands.value;
}

unsigned emulator_ballot(unsigned mask, int predicate, const char* file, int line)
{
    LaneOperands operands{predicate != 0, 0, {}, nullptr, nullptr};
    warp_operation(mask, do_ballot, 0, operands, file, line);
    return (unsigned)operands.value;
}

unsigned emulator_match(unsigned mask, unsigned long long value, const char* file, int line)
{
    LaneOperands operands{value, 0, {}, nullptr, nullptr};
    warp_operation(mask, do_match, 0, operands, file, line);
    return (unsigned)operands.value;
}

unsigned emulator_reduce(unsigned mask, unsigned value, EmulatorReduction reduction, const char* file, int line)
{
    LaneOperands operands{value, 0, {}, nullptr, nullptr};
    warp_operation(mask, do_reduce, reduction, operands, file, line);
    return (unsigned)operands.value;
}
