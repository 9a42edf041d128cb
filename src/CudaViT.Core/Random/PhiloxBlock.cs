namespace CudaViT.Core;

/// <summary>
/// Four 32-bit words: a counter that goes into <see cref="Philox"/>, or the random block that comes out.
/// </summary>
public readonly record struct PhiloxBlock(uint X0, uint X1, uint X2, uint X3)
{
    /// <summary>Words 0 and 1 as a double in [0, 1): the top 53 bits of X1:X0, times 2^-53.</summary>
    public double Double0 => ToDouble(X0, X1);

    /// <summary>Words 2 and 3 as a double in [0, 1): the top 53 bits of X3:X2, times 2^-53.</summary>
    public double Double1 => ToDouble(X2, X3);

    /// <summary>Word <paramref name="index"/>, 0 to 3.</summary>
    public uint this[int index] => index switch
    {
        0 => X0,
        1 => X1,
        2 => X2,
        3 => X3,
        _ => throw new ArgumentOutOfRangeException(nameof(index), index, "A block has the words 0 to 3."),
    };

    /// <summary>A word as a float in [0, 1): its top 24 bits, times 2^-24. Exact, so every device agrees.</summary>
    public static float ToSingle(uint word) => (word >> 8) * (1f / (1 << 24));

    /// <summary>Two independent standard normal numbers from the whole block, by Box and Muller.</summary>
    /// <remarks>
    /// u = 1 - Double0, so in (0, 1]; r = sqrt(-2 ln u); the two are r cos(2 pi Double1) and r sin(2 pi Double1).
    /// Largest magnitude: sqrt(-2 ln 2^-53) = 8.57. The last bits depend on the platform's logarithm and sine.
    /// </remarks>
    public (double First, double Second) ToNormals()
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - Double0));
        (double sin, double cos) = Math.SinCos(2 * Math.PI * Double1);
        return (radius * cos, radius * sin);
    }

    private static double ToDouble(uint low, uint high) =>
        ((((ulong)high << 32) | low) >> 11) * (1.0 / (1L << 53));
}
