// arithmetic_checks.cpp: the functions that code compiled with -fsanitize=bounds,alignment,... calls when it finds a
// mistake.
#include "runtime.h"

using namespace emulator;

// Every description that a handler gets begins with the place.
struct SourcePlace {
    const char* file;
    uint32_t line, column;
};

[[noreturn]] static void wrong(const SourcePlace* place, const char* what)
{
    fail_at(place->file, (int)place->line, "%s", what);
}

struct MisalignedAccess {
    SourcePlace place;
    const void* type;
    unsigned char log_alignment, kind;
};

EXPORT void __ubsan_handle_type_mismatch_v1(const MisalignedAccess* data, uintptr_t address)
{
    fail_at(data->place.file, (int)data->place.line, "accesses address 0x%zx, which is not a multiple of %d",
        (size_t)address, 1 << data->log_alignment);
}

struct IndexOutside {
    SourcePlace place;
    const void* array_type;
    const uint16_t* index_type; // kind, then 2 * log2(bits) + (1 if signed)
};

EXPORT void __ubsan_handle_out_of_bounds(const IndexOutside* data, uintptr_t value)
{
    const int unused = 64 - (1 << (data->index_type[1] >> 1));
    const bool is_signed = (data->index_type[1] & 1) != 0;
    const long long index = is_signed ? (long long)(value << unused) >> unused : (long long)(value << unused >> unused);
    fail_at(data->place.file, (int)data->place.line, "index %lld lies outside the array", index);
}

EXPORT void __ubsan_handle_shift_out_of_bounds(const SourcePlace* place, uintptr_t, uintptr_t)
{
    wrong(place, "shifts by a negative number of bits, by more than there are, or out of the type's range");
}
EXPORT void __ubsan_handle_divrem_overflow(const SourcePlace* place, uintptr_t, uintptr_t)
{
    wrong(place, "divides by zero");
}
EXPORT void __ubsan_handle_add_overflow(const SourcePlace* place, uintptr_t, uintptr_t)
{
    wrong(place, "a sum overflows its signed type");
}
EXPORT void __ubsan_handle_sub_overflow(const SourcePlace* place, uintptr_t, uintptr_t)
{
    wrong(place, "a difference overflows its signed type");
}
EXPORT void __ubsan_handle_mul_overflow(const SourcePlace* place, uintptr_t, uintptr_t)
{
    wrong(place, "a product overflows its signed type");
}
EXPORT void __ubsan_handle_negate_overflow(const SourcePlace* place, uintptr_t)
{
    wrong(place, "a negation overflows its signed type");
}
