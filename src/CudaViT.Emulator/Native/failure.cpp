// failure.cpp: the first error of a launch, as text. Places in the code are written as \x1f MODULE \x1f OFFSET \x1f;
// the managed driver replaces them by file and line, which takes a process and is no work for a fiber.
#include "runtime.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <mutex>

namespace emulator {

static std::atomic<bool> has_failed;
static std::mutex message_gate;
static char message[4096];

bool failed() { return has_failed.load(std::memory_order_relaxed); }
void clear_failure() { has_failed = false; }
const char* failure_message() { return message; }

static void keep(const char* text)
{
    std::lock_guard<std::mutex> lock(message_gate);
    if (!has_failed) {
        snprintf(message, sizeof message, "%s", text);
        has_failed = true;
    }
}

void report(const char* format, ...)
{
    char text[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    keep(text);
}

[[noreturn]] static void fail_with(const char* place, const char* format, va_list values)
{
    char what[1024];
    vsnprintf(what, sizeof what, format, values);
    const Index b = worker->block_index, t = worker->current->thread;
    report("%s, block (%u, %u, %u), thread (%u, %u, %u), %s: %s.", launch->request->label, b.x, b.y, b.z, t.x, t.y, t.z,
        place, what);
    give_up_block();
}

void fail(const void* caller, const char* format, ...)
{
    // The return address may belong to the next line already; the call ends one byte before.
    const char* address = (const char*)caller - 1;
    char place[600] = "unknown place";
    Dl_info found;
    if (caller != nullptr && dladdr(address, &found) != 0) {
        snprintf(place, sizeof place, "\x1f%s\x1f%zx\x1f", found.dli_fname, (size_t)(address - (char*)found.dli_fbase));
    }
    va_list values;
    va_start(values, format);
    fail_with(place, format, values);
}

void fail_at(const char* file, int line, const char* format, ...)
{
    char place[300];
    snprintf(place, sizeof place, "%s:%d", file_name(file), line);
    va_list values;
    va_start(values, format);
    fail_with(place, format, values);
}

} // namespace emulator

void emulator_trap(const char* text) { emulator::fail(__builtin_return_address(0), "%s", text); }
