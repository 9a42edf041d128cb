namespace CudaViT.Training.Checkpoints.Import;

/// <summary>
/// Finds out what the tensors of a file are called here. Two ways of naming are known: the reference implementation's
/// (both encoders and the predictor) and timm's and DeiT's (an encoder alone, perhaps with a classifier).
/// </summary>
internal static class NameRules
{
    /// <summary>What begins the names of the encoder that is used.</summary>
    public const string Base = TrainedModel.EncoderPrefix;

    // What wrappers put before every name: DistributedDataParallel, torch.compile, and classes around a backbone.
    private static readonly string[] Wrappers = ["module.", "_orig_mod.", "model.", "backbone.", "encoder."];

    // Classifiers of timm, DeiT, torchvision and the reference implementation's linear probe. A projector has numbers.
    private static readonly string[] Classifiers =
    [
        "head.weight", "head.bias", "fc.weight", "fc.bias", "head_dist.weight", "head_dist.bias",
        "pre_logits.fc.weight", "pre_logits.fc.bias",
    ];

    /// <summary>Maps the names of a file.</summary>
    /// <param name="names">All names of the file.</param>
    /// <returns>By name in the file: the name here, or null for a classifier, which is left out.</returns>
    public static Dictionary<string, string?> Map(IReadOnlyList<string> names)
    {
        Dictionary<string, string> stripped = names.ToDictionary(name => name);
        while (Array.Find(Wrappers, wrapper => All(stripped, wrapper)) is { } wrapper)
        {
            stripped = stripped.ToDictionary(pair => pair.Key, pair => pair.Value[wrapper.Length..]);
        }

        bool isWhole = stripped.Values.Any(name => name.StartsWith(Base, StringComparison.Ordinal));
        return stripped.ToDictionary(pair => pair.Key, pair => Target(pair.Value, isWhole));
    }

    private static bool All(Dictionary<string, string> names, string prefix) =>
        names.Count > 0 && names.Values.All(name => name.StartsWith(prefix, StringComparison.Ordinal));

    private static string? Target(string name, bool isWhole)
    {
        string local = isWhole && name.StartsWith(Base, StringComparison.Ordinal) ? name[Base.Length..] : name;
        return Classifiers.Contains(local) ? null : isWhole ? name : Base + name;
    }
}
