// checks.cpp: every memory access of a checked kernel arrives here.
#include "runtime.h"

namespace emulator {

void check(const void*, size_t, Access, const void*) {}

void begin_checked_launch(Launch&) {}

} // namespace emulator

using namespace emulator;

void emulator_atomic(void* address, unsigned bytes)
{
    check(address, bytes, Access::Atomic, __builtin_return_address(0));
}

void emulator_read_of_other_block(const void* address, unsigned bytes)
{
    check(address, bytes, Access::OtherBlock, __builtin_return_address(0));
}
