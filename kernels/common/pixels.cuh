// pixels.cuh: operations on one 8-bit pixel of C = 1 or 3 channels, each rounded to 8 bits, in Pillow's arithmetic.
// Bits depend on where a product is rounded before it is added to, and on what is float and what is double, so every
// step that is not exact is spelled out: __fmul_rn and its like are never fused.
#pragma once
#include "common/scalar.cuh"

// As ColorStep in C#.
enum ColorStep : int { kNoStep, kBrightness, kContrast, kSaturation, kHue };

struct Colors {
    int steps[4]; // ColorStep, applied in this order; at most one of them is kContrast
    float brightness;
    float contrast;
    float saturation;
    int hue; // turn of the colour circle in 256ths
};

template <int C>
struct Pixel {
    int v[C];
};

template <int C>
__device__ __forceinline__ Pixel<C> load_pixel(const u8* p)
{
    Pixel<C> pixel;
#pragma unroll
    for (int c = 0; c < C; c++) pixel.v[c] = p[c];
    return pixel;
}

template <int C>
__device__ __forceinline__ void store_pixel(u8* p, const Pixel<C>& pixel)
{
#pragma unroll
    for (int c = 0; c < C; c++) p[c] = (u8)pixel.v[c];
}

// Brightness by the weights of ITU-R BT.601 in 16-bit fixed point; they sum to 65536.
template <int C>
__device__ __forceinline__ int grey_of(const Pixel<C>& p)
{
    if constexpr (C == 1) return p.v[0];
    else return (p.v[0] * 19595 + p.v[1] * 38470 + p.v[2] * 7471 + 32768) >> 16;
}

// background + factor (value - background), clipped to 8 bits, then truncated.
__device__ __forceinline__ int blend(int background, int value, float factor)
{
    const float blended = __fadd_rn((float)background, __fmul_rn(factor, (float)(value - background)));
    return (int)min(max(blended, 0.0f), 255.0f);
}

// V (1 - part), rounded half up.
__device__ __forceinline__ int shade(double value, double part)
{
    return (int)__dadd_rn(__dmul_rn(value, __dsub_rn(1.0, part)), 0.5);
}

// Turns the colour circle by way of 8-bit hue, saturation and value; the formulas stand in HueKernel.cs.
__device__ __forceinline__ void turn_hue(Pixel<3>& p, int turn)
{
    const int red = p.v[0], green = p.v[1], blue = p.v[2];
    const int value = max(red, max(green, blue));
    const int range = value - min(red, min(green, blue));
    const float divisor = (float)max(range, 1);
    const float r = __fdiv_rn((float)(value - red), divisor);
    const float g = __fdiv_rn((float)(value - green), divisor);
    const float b = __fdiv_rn((float)(value - blue), divisor);
    const bool is_red = value == red, is_green = value == green;
    const double plus = is_red ? b : is_green ? r : g;
    const double minus = is_red ? g : is_green ? b : r;
    const double sixth = is_red ? 0.0 : is_green ? 2.0 : 4.0;
    const float h = (float)__dsub_rn(__dadd_rn(sixth, plus), minus);
    const double turns = __dadd_rn(__ddiv_rn((double)h, 6.0), 1.0);
    const float circle = (float)__dsub_rn(turns, floor(turns));
    const float purity = __fdiv_rn((float)range, (float)max(value, 1));
    const int hue = ((int)__dmul_rn((double)circle, 255.0) + turn) & 255;
    const int saturation = (int)__dmul_rn((double)purity, 255.0);

    const int sixfold = hue * 6;
    const int sector = sixfold / 255; // 0 to 6; 6 is 0
    const float f = __fdiv_rn((float)(sixfold - sector * 255), 255.0f);
    const float s = __fdiv_rn((float)saturation, 255.0f);
    const double part = (sector & 1) ? (double)__fmul_rn(s, f) : __dmul_rn(s, __dsub_rn(1.0, f)); // falling or rising
    const int lowest = shade(value, s);
    const int middle = shade(value, part);
    p.v[0] = sector == 2 || sector == 3 ? lowest : sector == 1 || sector == 4 ? middle : value;
    p.v[1] = sector == 4 || sector == 5 ? lowest : sector == 0 || sector == 3 || sector == 6 ? middle : value;
    p.v[2] = sector == 0 || sector == 1 || sector == 6 ? lowest : sector == 2 || sector == 5 ? middle : value;
}

// One change of colour; mean is that of the grey image, for contrast. A grey pixel has neither saturation nor hue.
template <int C>
__device__ __forceinline__ void change_color(Pixel<C>& p, const Colors& colors, int step, int mean)
{
    if (step == kBrightness || step == kContrast) {
        const int background = step == kContrast ? mean : 0;
        const float factor = step == kContrast ? colors.contrast : colors.brightness;
#pragma unroll
        for (int c = 0; c < C; c++) p.v[c] = blend(background, p.v[c], factor);
    } else if constexpr (C == 3) {
        if (step == kSaturation) {
            const int grey = grey_of(p);
#pragma unroll
            for (int c = 0; c < C; c++) p.v[c] = blend(grey, p.v[c], colors.saturation);
        } else if (step == kHue) {
            turn_hue(p, colors.hue);
        }
    }
}

// Where contrast stands among the steps; 4 if it does not.
__device__ __forceinline__ int contrast_step(const Colors& colors)
{
    int k = 0;
    while (k < 4 && colors.steps[k] != kContrast) k++;
    return k;
}
