using CudaViT.Core;

namespace CudaViT.Data.Supervised;

/// <summary>One operation of RandAugment with its strength.</summary>
/// <param name="Operation">What is done.</param>
/// <param name="Value">
/// How much: degrees, bits, threshold, amount, factor, or share of a side. No meaning for operations that know none.
/// </param>
public readonly record struct RandAugmentStep(RandAugmentOperation Operation, double Value)
{
    private const double MaxMagnitude = 10;

    private static readonly int OperationCount = Enum.GetValues<RandAugmentOperation>().Length;

    /// <summary>Draws an operation, or nothing.</summary>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="settings">How strong and how often.</param>
    internal static RandAugmentStep? Draw(ref RandomSequence random, RandAugmentSettings settings)
    {
        var operation = (RandAugmentOperation)random.NextInt(OperationCount);
        if (!random.NextBool(settings.Probability))
        {
            return null;
        }

        double magnitude = settings.Magnitude + (settings.MagnitudeDeviation * random.NextNormal());
        double level = Math.Clamp(magnitude, 0, MaxMagnitude) / MaxMagnitude;
        bool isNegative = random.NextBool(0.5);
        return new RandAugmentStep(operation, Strength(operation, level, isNegative ? -1 : 1));
    }

    /// <summary>The strength of an operation: the larger the level, the further from no change.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="level">From 0 to 1.</param>
    /// <param name="sign">Which way, where there are two.</param>
    internal static double Strength(RandAugmentOperation operation, double level, int sign) => operation switch
    {
        RandAugmentOperation.Rotate => sign * level * 30,
        RandAugmentOperation.Posterize => 4 - (int)(level * 4),
        RandAugmentOperation.Solarize => 256 - (int)(level * 256),
        RandAugmentOperation.SolarizeAdd => (int)(level * 110),
        RandAugmentOperation.Color or RandAugmentOperation.Contrast or RandAugmentOperation.Brightness
            or RandAugmentOperation.Sharpness => 1 + (sign * level * 0.9),
        RandAugmentOperation.ShearX or RandAugmentOperation.ShearY => sign * level * 0.3,
        RandAugmentOperation.TranslateX or RandAugmentOperation.TranslateY => sign * level * 0.45,
        _ => 0,
    };
}
