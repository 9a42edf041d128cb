namespace CudaViT.Training.Tests;

/// <summary>
/// Parts of tensors that have tolerances of their own. The gradient of the keys' bias is exactly zero in theory, as is
/// that of the final norm's bias, whose effect the following batch normalization removes; the predictor's first
/// running mean is exactly zero, because the projector's output is centered. Rounding noise decides what is computed.
/// </summary>
internal static class ModelParts
{
    private const string QkvBias = ".attn.qkv.bias";

    /// <summary>Suffixes and ranges of a gradient's parts.</summary>
    public static IEnumerable<(string Suffix, Range Range)> OfGradient(string name, int length)
    {
        if (!name.EndsWith(QkvBias, StringComparison.Ordinal))
        {
            return [("", ..length)];
        }

        int width = length / 3;
        return
        [
            ("[key part]", width..(2 * width)),
            ("[query and value parts]", ..width),
            ("[query and value parts]", (2 * width)..length),
        ];
    }

    /// <summary>Suffixes and ranges of a state tensor's parts.</summary>
    public static IEnumerable<(string Suffix, Range Range)> OfState(string name, int length)
    {
        if (!name.EndsWith(QkvBias, StringComparison.Ordinal))
        {
            return [("", ..length)];
        }

        int width = length / 3;
        return [("[query]", ..width), ("[key]", width..(2 * width)), ("[value]", (2 * width)..length)];
    }

    /// <summary>Whether the change of this part since the start is exactly zero in theory.</summary>
    public static bool IsExactlyZero(string name, string suffix) => suffix == "[key]"
        || name.EndsWith("_encoder.norm.bias", StringComparison.Ordinal) || name == "predictor.1.running_mean";
}
