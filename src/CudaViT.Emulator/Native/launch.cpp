// launch.cpp: worker threads, and what the managed driver calls.
#include "runtime.h"

#include <condition_variable>
#include <cstring>
#include <link.h>
#include <mutex>
#include <sys/mman.h>
#include <thread>

// The address of a thread-local segment for the calling thread, which makes it if it has none yet.
struct ThreadLocalPlace {
    unsigned long module, offset;
};
extern "C" void* __tls_get_addr(ThreadLocalPlace*);

namespace emulator {

// What the workers wait on is never destroyed, or they would keep the process from ending.
static std::mutex& launch_gate = *new std::mutex; // one launch at a time
static std::mutex& workers_gate = *new std::mutex;
static std::condition_variable& work_there = *new std::condition_variable;
static std::condition_variable& work_done = *new std::condition_variable;
static uint64_t generation;
static int threads_made, threads_wanted, threads_running;

static void prepare(Worker* w)
{
    const LaunchRequest& request = *launch->request;
    w->dynamic_bytes = request.dynamic_bytes;
    w->static_bytes = request.module->shared_bytes;
    w->static_shared = nullptr;
    if (w->static_bytes > 0) {
        ThreadLocalPlace place{request.module->thread_local_id, 0};
        w->static_shared = (char*)__tls_get_addr(&place);
    }
    memset(w->recent, 0, sizeof w->recent);
    if (request.checked != 0) {
        if (w->epoch > UINT32_MAX / 2) { // before old marks could be taken for new ones
            w->epoch = 0;
            w->dynamic_cells.clear();
            w->static_cells.clear();
        }
        w->dynamic_cells.resize(w->dynamic_bytes);
        w->static_cells.resize(w->static_bytes);
    }
}

static void work(int index)
{
    constexpr size_t kMargin = 1 << 20; // what an overrun may reach without meeting something else
    Worker* w = worker = new Worker();
    w->dynamic_shared = (char*)mmap(nullptr, kMaxSharedBytes + 2 * kMargin, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        + kMargin;
    uint64_t seen = 0;
    for (;;) {
        {
            std::unique_lock<std::mutex> lock(workers_gate);
            work_there.wait(lock, [&] { return generation != seen && index < threads_wanted; });
            seen = generation;
        }
        prepare(w);
        for (;;) {
            const uint64_t n = launch->next.fetch_add(1, std::memory_order_relaxed);
            if (n >= launch->blocks || failed()) break;
            run_block((uint64_t)((launch->block_start + (unsigned __int128)n * launch->block_stride) % launch->blocks));
        }
        std::lock_guard<std::mutex> lock(workers_gate);
        if (--threads_running == 0) work_done.notify_one();
    }
}

static void run(Launch& l, int workers)
{
    launch = &l;
    clear_failure();
    std::unique_lock<std::mutex> lock(workers_gate);
    while (threads_made < workers) std::thread(work, threads_made++).detach();
    threads_wanted = threads_running = workers;
    generation++;
    work_there.notify_all();
    work_done.wait(lock, [] { return threads_running == 0; });
    threads_wanted = 0;
    launch = nullptr;
}

} // namespace emulator

using namespace emulator;

// Finds a module by an address within it. 0 if there is none.
EXPORT int emulator_describe_module(const void* address, Module* module)
{
    struct Search {
        const char* address;
        Module* module;
    } search{(const char*)address, module};
    return dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* data) {
            auto* s = (Search*)data;
            const char* begin = (const char*)UINTPTR_MAX;
            const char* end = nullptr;
            uint64_t shared = 0;
            for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr)& segment = info->dlpi_phdr[i];
                const char* at = (const char*)info->dlpi_addr + segment.p_vaddr;
                if (segment.p_type == PT_TLS) shared = segment.p_memsz;
                if (segment.p_type != PT_LOAD) continue;
                if (at < begin) begin = at;
                if (at + segment.p_memsz > end) end = at + segment.p_memsz;
            }
            if (s->address < begin || s->address >= end) return 0;
            *s->module = {begin, end, shared > 0 ? info->dlpi_tls_modid : 0, shared};
            return 1;
        },
        &search);
}

// Runs a launch to its end. 0, or 1 with a message.
EXPORT int emulator_launch(const LaunchRequest* request, char* text, uint64_t text_bytes)
{
    std::lock_guard<std::mutex> lock(launch_gate);
    Launch l{};
    l.request = request;
    l.threads = request->block.x * request->block.y * request->block.z;
    l.blocks = (uint64_t)request->grid.x * request->grid.y * request->grid.z;
    uint64_t random = request->seed * 0x9e3779b97f4a7c15ull | 1;
    l.block_stride = coprime_stride(next_random(random), l.blocks);
    l.block_start = next_random(random) % l.blocks;
    if (request->checked != 0 && !begin_checked_launch(l)) {
        snprintf(text, text_bytes, "%s: the checked emulator runs at most 2^31 blocks", request->label);
        return 1;
    }
    run(l, l.blocks < (uint64_t)request->workers ? (int)l.blocks : request->workers);
    if (!failed()) return 0;
    strncpy(text, failure_message(), text_bytes - 1);
    text[text_bytes - 1] = 0;
    return 1;
}
