// fibers.cpp: the threads of a block as fibers on one native thread, and the barrier they share.
//
// A thread starts on the stack of the one before it; only when it has to wait does it keep its stack and the next one
// takes another. So a kernel without barriers is a plain loop, and one with warp operations alone uses 32 stacks.
#include "runtime.h"

#include <cstring>
#include <numeric>
#include <sys/mman.h>

// Saves the registers that a call preserves on the running stack, and takes those of another. swapcontext would also
// save the signal mask, with two system calls.
extern "C" void emulator_switch(void** save_stack_pointer, void* stack_pointer);
asm(R"(
.text
.type emulator_switch, @function
emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulator_switch, . - emulator_switch
)");

namespace emulator {

Launch* launch;
thread_local Worker* worker __attribute__((tls_model("initial-exec")));

uint64_t next_random(uint64_t& state)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

// start, start + stride, start + 2 * stride ... modulo count then visits everything once.
unsigned coprime_stride(uint64_t random, uint64_t count)
{
    if (count < 2) return 1;
    unsigned stride = (unsigned)(random % 64) * 2 + 1;
    while (std::gcd((uint64_t)stride, count) != 1) stride += 2;
    return stride;
}

static char* take_stack(Worker* w)
{
    if (!w->free_stacks.empty()) {
        char* stack = w->free_stacks.back();
        w->free_stacks.pop_back();
        return stack;
    }
    // A page that cannot be touched lies below, so that a kernel that needs more ends the process at once.
    char* pages = (char*)mmap(
        nullptr, kStackBytes + kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) {
        report("%s: no memory for the stacks of a block's threads", launch->request->label);
        give_up_block();
    }
    mprotect(pages, kPageBytes, PROT_NONE);
    w->all_stacks.push_back(pages + kPageBytes);
    return pages + kPageBytes;
}

void make_ready(unsigned thread)
{
    Worker* w = worker;
    w->fibers[thread].state = FiberState::Ready;
    w->ready[w->ready_tail++ % kMaxThreads] = (uint16_t)thread;
}

static Fiber* start_next(Worker* w, char* stack)
{
    const unsigned n = w->started++;
    const unsigned threads = launch->threads;
    // Only blocks of whole warps start in a shuffled order.
    const unsigned thread = threads % 32 != 0 ? n
        : (w->warp_start + n / 32 * w->warp_stride) % (threads / 32) * 32 + (w->lane_start + n * w->lane_stride) % 32;
    Fiber* fiber = &w->fibers[thread];
    fiber->stack = stack;
    fiber->state = FiberState::Running;
    w->current = fiber;
    w->accesses = 0;
    return fiber;
}

static void fiber_main();
[[noreturn]] static void report_deadlock();

// Runs something else until the given fiber is made ready; never returns for a fiber that has left.
static void switch_away(Fiber* fiber)
{
    Worker* w = worker;
    if (w->ready_head != w->ready_tail) {
        Fiber* next = &w->fibers[w->ready[w->ready_head++ % kMaxThreads]];
        next->state = FiberState::Running;
        w->current = next;
        w->accesses = 0;
        if (fiber->state == FiberState::Left) w->free_stacks.push_back(fiber->stack);
        emulator_switch(&fiber->stack_pointer, next->stack_pointer);
        return;
    }
    if (w->started < launch->threads) {
        Fiber* next = start_next(w, take_stack(w));
        // Stacks lie a power of two apart; without the offset their tops would share a few lines of the cache.
        char* top = next->stack + kStackBytes - (next->lane % 32) * 192;
        void** stack = (void**)((uintptr_t)top & ~(uintptr_t)63);
        *--stack = nullptr; // fiber_main's return address: it never returns
        *--stack = (void*)&fiber_main;
        stack -= 6; // the registers that emulator_switch pops
        emulator_switch(&fiber->stack_pointer, stack);
        return;
    }
    if (w->live == 0) {
        w->free_stacks.push_back(fiber->stack);
        emulator_switch(&fiber->stack_pointer, w->scheduler.stack_pointer);
    }
    report_deadlock();
}

void wait_for_others(Fiber* fiber, FiberState state)
{
    fiber->state = state;
    switch_away(fiber);
}

static void fiber_main()
{
    for (;;) {
        launch->request->kernel->call(launch->request->arguments);
        Worker* w = worker;
        Fiber* fiber = w->current;
        finish_copies(*fiber);
        fiber->state = FiberState::Left;
        w->live--;
        if (w->ready_head == w->ready_tail && w->started < launch->threads) {
            start_next(w, fiber->stack);
        } else {
            switch_away(fiber);
        }
    }
}

// What is left of a block's fibers is dropped; their stacks are used again.
void give_up_block()
{
    worker->broken = true;
    void* dropped;
    emulator_switch(&dropped, worker->scheduler.stack_pointer);
    __builtin_unreachable();
}

void run_block(uint64_t block)
{
    Worker* w = worker;
    const LaunchRequest& request = *launch->request;
    const unsigned threads = launch->threads;
    w->block = block;
    w->block_index = {
        (unsigned)(block % request.grid.x), (unsigned)(block / request.grid.x % request.grid.y),
        (unsigned)(block / request.grid.x / request.grid.y)};
    w->ready_head = w->ready_tail = 0;
    w->started = 0;
    w->live = threads;
    w->at_barrier = 0;
    w->broken = false;
    w->block_epoch = ++w->epoch;
    w->random = (request.seed + block + 1) * 0x9e3779b97f4a7c15ull | 1;
    w->lane_stride = coprime_stride(next_random(w->random), 32);
    w->lane_start = (unsigned)(next_random(w->random) % 32);
    w->warp_stride = coprime_stride(next_random(w->random), threads / 32);
    w->warp_start = (unsigned)(next_random(w->random) % kMaxWarps);
    for (unsigned i = 0; i < threads; i++) {
        Fiber& fiber = w->fibers[i];
        fiber.thread = {
            i % request.block.x, i / request.block.x % request.block.y, i / request.block.x / request.block.y};
        fiber.linear = i;
        fiber.lane = i % 32;
        fiber.warp = i / 32;
        fiber.state = FiberState::Fresh;
        fiber.copies.clear();
        fiber.open_group = 0;
    }
    for (unsigned i = 0; i < (threads + 31) / 32; i++) {
        w->warps[i].pending_count = 0;
        w->warps[i].epoch = 0;
    }
    memset(w->dynamic_shared, kPoison, w->dynamic_bytes);
    if (w->static_bytes > 0) memset(w->static_shared, kPoison, w->static_bytes);

    w->scheduler.state = FiberState::InWarpOperation; // anything but Left
    switch_away(&w->scheduler);
    w->current = nullptr;
    if (w->broken) w->free_stacks = w->all_stacks;
}

[[noreturn]] static void report_deadlock()
{
    Worker* w = worker;
    char text[1024];
    size_t used = 0;
    auto add = [&](const char* format, auto... values) {
        if (used < sizeof text - 1) used += (size_t)snprintf(text + used, sizeof text - used, format, values...);
    };
    auto alike = [](const Fiber& a, const Fiber& b) {
        return a.state == b.state
            && (a.state == FiberState::Left || same_place(a.file, a.line, b.file, b.line));
    };
    bool told[kMaxThreads] = {};
    const char* separator = "";
    for (unsigned i = 0; i < launch->threads; i++) {
        if (told[i]) continue;
        const Fiber& first = w->fibers[i];
        add("%sthreads ", separator);
        const char* comma = "";
        unsigned runs = 0;
        for (unsigned j = i; j < launch->threads; j++) {
            if (told[j] || !alike(first, w->fibers[j])) continue;
            unsigned end = j;
            while (end + 1 < launch->threads && alike(first, w->fibers[end + 1])) told[++end] = true;
            told[j] = true;
            if (runs++ < 4) {
                if (end > j) add("%s%u-%u", comma, j, end);
                else add("%s%u", comma, j);
                comma = ",";
            } else if (runs == 5) {
                add(",...");
            }
            j = end;
        }
        if (first.state == FiberState::Left) {
            add(" have left the kernel");
        } else {
            add(" wait at %s:%d for %s", file_name(first.file), first.line,
                first.state == FiberState::AtBarrier ? "all threads of the block" : "lanes of their mask");
        }
        separator = "; ";
    }
    const Index b = w->block_index;
    report("%s, block (%u, %u, %u): no thread can go on: %s.", launch->request->label, b.x, b.y, b.z, text);
    give_up_block();
}

} // namespace emulator

using namespace emulator;

static unsigned long long packed(Index i)
{
    return i.x | (unsigned long long)i.y << 32 | (unsigned long long)i.z << 48;
}

unsigned long long emulator_thread_index() { return packed(worker->current->thread); }
unsigned long long emulator_block_index() { return packed(worker->block_index); }
unsigned long long emulator_block_size() { return packed(launch->request->block); }
unsigned long long emulator_grid_size() { return packed(launch->request->grid); }
int emulator_lane() { return (int)worker->current->lane; }
void* emulator_dynamic_shared() { return worker->dynamic_shared; }

int emulator_barrier(EmulatorVote vote, int predicate, const char* file, int line)
{
    Worker* w = worker;
    Fiber* fiber = w->current;
    if (w->at_barrier == 0) {
        w->barrier_file = file;
        w->barrier_line = line;
    } else if (!same_place(w->barrier_file, w->barrier_line, file, line)) {
        fail_at(file, line, "the block's threads meet at different barriers: others wait at %s:%d",
            file_name(w->barrier_file), w->barrier_line);
    }
    fiber->file = file;
    fiber->line = line;
    fiber->predicate = predicate != 0;
    if (++w->at_barrier < launch->threads) {
        wait_for_others(fiber, FiberState::AtBarrier);
        return fiber->verdict;
    }

    const unsigned threads = launch->threads;
    int count = 0;
    for (unsigned i = 0; i < threads; i++) count += w->fibers[i].predicate;
    const int verdict = vote == EmulatorVoteCount ? count
        : vote == EmulatorVoteAnd ? count == (int)threads
        : count > 0;
    w->at_barrier = 0;
    w->epoch++;
    const unsigned stride = coprime_stride(next_random(w->random), threads);
    unsigned next = (unsigned)(next_random(w->random) % threads);
    for (unsigned i = 0; i < threads; i++) {
        w->fibers[next].verdict = verdict;
        if (&w->fibers[next] != fiber) make_ready(next);
        next = (next + stride) % threads;
    }
    return verdict;
}
