// A stand-in for cuBLASLt: its functions, with the types, sizes and numbers of cublasLt.h, computing as its documentation
// says: matrices by columns, D = alpha op(A) op(B) + beta C + bias, the bias along the rows. Attributes of the wrong size
// are refused, as the library does. Like the library it has no algorithm for a bias in double precision, and may refuse
// to run what it proposed; a bias that is not aligned is a fault. It needs NVRTC, as versions of the library do.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#define API extern "C" __attribute__((visibility("default"))) int

extern "C" void stand_in_push(void* stream, std::function<void()> work);
extern "C" bool stand_in_check(const void* address, size_t bytes);
extern "C" int nvrtcVersion(int* major, int* minor);

namespace {

constexpr int kSuccess = 0, kInvalidValue = 7, kNotSupported = 15;
constexpr int kF32 = 0, kF64 = 1, kBF16 = 14;
constexpr uint64_t kAlgorithm = 0x5EED;
constexpr size_t kWorkspace = size_t(1) << 20;
constexpr int kProposals = 3;

int refused = 0, lastRun = -1; // of the proposals, by their place

struct Product {
    int compute, scale;
    int32_t transA = 0, transB = 0;
    uint32_t epilogue = 1;
    const void* bias = nullptr;
};

struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t ld;
    int32_t batch = 1;
    int64_t stride = 0;
};

struct Preference {
    uint64_t workspace = 0;
    uint32_t reductions = 7;
    uint32_t alignment[4] = {256, 256, 256, 256};
};

struct Algorithm {
    uint64_t data[8];
};

struct Proposal {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};

static_assert(sizeof(Proposal) == 96, "as in cublasLt.h");

template <typename T>
int set(T& field, const void* value, size_t bytes)
{
    if (bytes != sizeof(T)) return kInvalidValue;
    memcpy(&field, value, bytes);
    return kSuccess;
}

size_t size_of(int type) { return type == kF64 ? 8 : type == kF32 ? 4 : 2; }

double load(const void* array, int type, int64_t i)
{
    if (type == kF64) return ((const double*)array)[i];
    if (type == kF32) return ((const float*)array)[i];
    uint32_t bits = (uint32_t)((const uint16_t*)array)[i] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

void store(void* array, int type, int64_t i, double value)
{
    if (type == kF64) ((double*)array)[i] = value;
    else if (type == kF32) ((float*)array)[i] = (float)value;
    else {
        float narrow = (float)value;
        uint32_t bits;
        memcpy(&bits, &narrow, 4);
        ((uint16_t*)array)[i] = (uint16_t)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

bool fits(const Product& product, const Layout& a, const Layout& b, const Layout& c, const Layout& d)
{
    uint64_t rows = product.transA ? a.columns : a.rows, depth = product.transA ? a.rows : a.columns;
    uint64_t depthB = product.transB ? b.columns : b.rows, columns = product.transB ? b.rows : b.columns;
    bool types = a.type == b.type && b.type == c.type && c.type == d.type
        && product.scale == (a.type == kF64 ? kF64 : kF32)
        && (a.type == kF64 ? product.compute == 70 : product.compute == 68 || (a.type == kF32 && product.compute == 77));
    return types && depth == depthB && depth > 0 && d.rows == rows && d.columns == columns && c.rows == rows
        && c.columns == columns && a.batch == d.batch && b.batch == d.batch && c.batch == d.batch;
}

// Whether all that a layout describes lies in one allocation.
bool check(const void* array, const Layout& layout)
{
    int64_t last = layout.stride * (layout.batch - 1) + layout.ld * ((int64_t)layout.columns - 1) + (int64_t)layout.rows;
    return stand_in_check(array, last * size_of(layout.type));
}

} // namespace

extern "C" __attribute__((visibility("default"))) size_t cublasLtGetVersion() { return 130100; }

// The first so many proposals of every search are refused when they are to run.
extern "C" __attribute__((visibility("default"))) void stand_in_refuse(int count) { refused = count; }

extern "C" __attribute__((visibility("default"))) int stand_in_last_algorithm() { return lastRun; }

API cublasLtCreate(void** handle)
{
    int major, minor;
    return *handle = new int, nvrtcVersion(&major, &minor);
}

API cublasLtDestroy(void* handle) { return delete (int*)handle, kSuccess; }

API cublasLtMatmulDescCreate(Product** product, int compute, int scale)
{
    return *product = new Product{compute, scale}, kSuccess;
}

API cublasLtMatmulDescDestroy(Product* product) { return delete product, kSuccess; }

API cublasLtMatmulDescSetAttribute(Product* product, int attribute, const void* value, size_t bytes)
{
    switch (attribute) {
    case 3: return set(product->transA, value, bytes);
    case 4: return set(product->transB, value, bytes);
    case 7: return set(product->epilogue, value, bytes);
    case 8: return set(product->bias, value, bytes);
    default: return kInvalidValue;
    }
}

API cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t ld)
{
    if (ld < (int64_t)rows) return kInvalidValue;
    return *layout = new Layout{type, rows, columns, ld}, kSuccess;
}

API cublasLtMatrixLayoutDestroy(Layout* layout) { return delete layout, kSuccess; }

API cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes)
{
    switch (attribute) {
    case 5: return set(layout->batch, value, bytes);
    case 6: return set(layout->stride, value, bytes);
    default: return kInvalidValue;
    }
}

API cublasLtMatmulPreferenceCreate(Preference** preference) { return *preference = new Preference, kSuccess; }

API cublasLtMatmulPreferenceDestroy(Preference* preference) { return delete preference, kSuccess; }

API cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t bytes)
{
    switch (attribute) {
    case 1: return set(preference->workspace, value, bytes);
    case 3: return set(preference->reductions, value, bytes);
    case 5: case 6: case 7: case 8: return set(preference->alignment[attribute - 5], value, bytes);
    default: return kInvalidValue;
    }
}

API cublasLtMatmulAlgoGetHeuristic(
    void* handle, const Product* product, const Layout* a, const Layout* b, const Layout* c, const Layout* d,
    const Preference* preference, int requested, Proposal* proposals, int* count)
{
    if (!handle || requested < 1 || !fits(*product, *a, *b, *c, *d)) return kInvalidValue;
    *count = 0;
    bool addsBias = product->epilogue == 4;
    uint32_t reductions = addsBias && d->type == kBF16 ? 0 : 2; // else results could differ, or could from run to run
    if ((addsBias && d->type == kF64) || preference->reductions != reductions || preference->workspace < kWorkspace) {
        return kNotSupported;
    }
    if (requested > 1) proposals[(*count)++] = {{}, kWorkspace, kNotSupported, 1, {}}; // states are to be looked at
    for (uint64_t i = 0; i < kProposals && *count < requested; i++) {
        proposals[(*count)++] = {{kAlgorithm, preference->alignment[0], i}, kWorkspace, kSuccess, 1, {}};
    }
    return kSuccess;
}

API cublasLtMatmul(
    void* handle, const Product* description, const void* alpha, const void* A, const Layout* layoutA, const void* B,
    const Layout* layoutB, const void* beta, const void* C, const Layout* layoutC, void* D, const Layout* layoutD,
    const Algorithm* algorithm, void* workspace, size_t workspaceBytes, void* stream)
{
    Product product = *description;
    Layout a = *layoutA, b = *layoutB, c = *layoutC, d = *layoutD;
    if (!handle || !fits(product, a, b, c, d) || algorithm->data[0] != kAlgorithm || !C) return kInvalidValue;
    if (!workspace || workspaceBytes < kWorkspace || (uintptr_t)A % algorithm->data[1] != 0) return kInvalidValue;
    if (algorithm->data[2] < (uint64_t)refused) return kNotSupported;
    lastRun = (int)algorithm->data[2];
    bool isMisaligned = product.epilogue == 4 && (uintptr_t)product.bias % 16 != 0;
    double x = product.scale == kF64 ? *(const double*)alpha : *(const float*)alpha;
    double y = product.scale == kF64 ? *(const double*)beta : *(const float*)beta;
    stand_in_push(stream, [=] {
        if (isMisaligned && !stand_in_check(nullptr, 1)) return;
        if (!check(A, a) || !check(B, b) || !check(D, d) || !stand_in_check(workspace, workspaceBytes)) return;
        if (y != 0 && !check(C, c)) return;
        for (int64_t m = 0; m < d.batch; m++)
        for (int64_t j = 0; j < (int64_t)d.columns; j++)
        for (int64_t i = 0; i < (int64_t)d.rows; i++) {
            double sum = 0;
            for (int64_t t = 0; t < (int64_t)(product.transA ? a.rows : a.columns); t++) {
                int64_t atA = m * a.stride + (product.transA ? i * a.ld + t : t * a.ld + i);
                int64_t atB = m * b.stride + (product.transB ? t * b.ld + j : j * b.ld + t);
                sum += load(A, a.type, atA) * load(B, b.type, atB);
            }
            sum *= x;
            if (y != 0) sum += y * load(C, c.type, m * c.stride + j * c.ld + i);
            if (product.epilogue == 4) sum += load(product.bias, d.type, i);
            store(D, d.type, m * d.stride + j * d.ld + i, sum);
        }
    });
    return kSuccess;
}
