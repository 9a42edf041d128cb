// tensor_core.cpp: mma and ldmatrix, with the fragment layouts of the PTX manual (sections 9.7.13.4.8 and 9.7.13.4.15).
#include "runtime.h"

#include <cstring>

namespace emulator {

constexpr unsigned kFullWarp = 0xffffffffu;

static float widen(unsigned pair, int half)
{
    const unsigned bits = (half != 0 ? pair >> 16 : pair & 0xffff) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Lane 4g + t holds: of A rows g and g + 8, of B column g, of C rows g and g + 8; and of the other axis the pairs
// 2t, 2t + 1 and, for A and B, 2t + 8, 2t + 9.
static void do_mma_m16n8k16(WarpCall& call, int)
{
    typedef float Row __attribute__((vector_size(32)));
    float a[16][16];
    alignas(32) float b[16][8], c[16][8];
    for (int i = 0; i < 32; i++) {
        const unsigned* pa = (const unsigned*)call.lanes[i]->inputs[0];
        const unsigned* pb = (const unsigned*)call.lanes[i]->inputs[1];
        const float* pc = (const float*)call.lanes[i]->output;
        const int g = i / 4, t = i % 4 * 2;
        for (int h = 0; h < 2; h++) {
            a[g][t + h] = widen(pa[0], h);
            a[g + 8][t + h] = widen(pa[1], h);
            a[g][t + 8 + h] = widen(pa[2], h);
            a[g + 8][t + 8 + h] = widen(pa[3], h);
            b[t + h][g] = widen(pb[0], h);
            b[t + 8 + h][g] = widen(pb[1], h);
            c[g][t + h] = pc[h];
            c[g + 8][t + h] = pc[2 + h];
        }
    }
    for (int m = 0; m < 16; m++) {
        Row sum = *(Row*)c[m];
        for (int k = 0; k < 16; k++) sum += a[m][k] * *(Row*)b[k];
        *(Row*)c[m] = sum;
    }
    for (int i = 0; i < 32; i++) {
        float* pd = (float*)call.lanes[i]->output;
        const int g = i / 4, t = i % 4 * 2;
        for (int h = 0; h < 2; h++) {
            pd[h] = c[g][t + h];
            pd[2 + h] = c[g + 8][t + h];
        }
    }
}

// Lane 8i + r names row r of tile i. Lane 4r + t receives elements 2t and 2t + 1 of row r of each tile, or of column r.
static void do_ldmatrix(WarpCall& call, int detail)
{
    const int tiles = detail & 7;
    const bool transposed = (detail & 8) != 0;
    for (int tile = 0; tile < tiles; tile++) {
        uint16_t m[8][8];
        for (int r = 0; r < 8; r++) memcpy(m[r], call.lanes[tile * 8 + r]->inputs[0], 16);
        for (int i = 0; i < 32; i++) {
            const int r = i / 4, c = i % 4 * 2;
            const unsigned lo = transposed ? m[c][r] : m[r][c], hi = transposed ? m[c + 1][r] : m[r][c + 1];
            ((unsigned*)call.lanes[i]->output)[tile] = lo | hi << 16;
        }
    }
}

} // namespace emulator

using namespace emulator;

void emulator_mma_m16n8k16_bf16(float* d, const unsigned* a, const unsigned* b, const char* file, int line)
{
    LaneOperands operands{0, 0, {a, b}, d, nullptr};
    warp_operation(kFullWarp, do_mma_m16n8k16, 0, operands, file, line);
}

void emulator_ldmatrix(unsigned* r, const void* row, int tiles, int transposed, const char* file, int line)
{
    if (worker->current->lane < 8u * (unsigned)tiles) { // the other lanes' addresses are ignored
        if (((uintptr_t)row & 15) != 0) {
            fail_at(file, line, "ldmatrix: the row at %p does not start at a multiple of 16", row);
        }
        check(row, 16, Access::Read, __builtin_return_address(0));
    }
    LaneOperands operands{0, 0, {row, nullptr}, r, nullptr};
    warp_operation(kFullWarp, do_ldmatrix, tiles | (transposed != 0 ? 8 : 0), operands, file, line);
}
