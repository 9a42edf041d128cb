// A stand-in for NVTX: with the functions of nvToolsExt.h if WHOLE is defined, else without, as a library of that name may
// be.
#include <string>

#define API extern "C" __attribute__((visibility("default")))

namespace {

std::string log;

} // namespace

API const char* stand_in_ranges() { return log.c_str(); }

#ifdef WHOLE
API int nvtxRangePushA(const char* name) { return log += std::string("(") + name, 0; }

API int nvtxRangePop() { return log += ")", 0; }
#endif
