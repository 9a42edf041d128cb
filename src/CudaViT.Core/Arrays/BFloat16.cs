using System.Globalization;
using System.Runtime.CompilerServices;

namespace CudaViT.Core;

/// <summary>
/// bfloat16: sign, 8 exponent bits and 7 fraction bits, which is the upper half of a binary32. A storage format:
/// arithmetic happens in <see cref="float"/>.
/// </summary>
/// <param name="Bits">The 16 bits as they lie in memory.</param>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>
    /// Rounds to nearest, ties to even. NaN stays NaN, and what exceeds the largest value becomes infinite.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);

        // A NaN whose payload sits in the lower half only would round to infinity: set the quiet bit instead.
        if (float.IsNaN(value))
        {
            return new BFloat16((ushort)((bits >> 16) | 0x0040));
        }

        // Adding 0x7FFF rounds up above the midpoint; the lowest bit kept breaks the tie towards even.
        return new BFloat16((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>
    /// Rounds through <see cref="float"/>. The two roundings differ from one in rare double-rounding cases, as they do
    /// on a GPU, which has no direct conversion either.
    /// </summary>
    public static explicit operator BFloat16(double value) => (BFloat16)(float)value;

    /// <summary>Exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    /// <inheritdoc/>
    public override string ToString() => ((float)this).ToString(CultureInfo.InvariantCulture);
}
