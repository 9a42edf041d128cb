// A stand-in for NVRTC that only says which version it is. It lies in a folder that the system's loader does not know.
extern "C" __attribute__((visibility("default"))) int nvrtcVersion(int* major, int* minor)
{
    return *major = 13, *minor = 0, 0;
}
