namespace CudaViT.Training.Checkpoints.Import;

/// <summary>
/// Finds out what the tensors of a file are called here. Two ways of naming are known: the reference implementation's
/// (both encoders and the predictor) and timm's and DeiT's (an encoder alone, perhaps with a classifier).
/// </summary>
internal sealed class NameRules
{
    /// <summary>What begins the names of the encoder that is used.</summary>
    public const string Base = TrainedModel.EncoderPrefix;

    /// <summary>What begins the names of the encoder that makes keys.</summary>
    public const string Momentum = "momentum_encoder.";

    /// <summary>What begins the names of the predictor.</summary>
    public const string Predictor = "predictor.";

    // What wrappers put between any two parts of a name: DistributedDataParallel, torch.compile, FSDP and activation
    // checkpointing. A block that was compiled by itself has it in the middle.
    private static readonly HashSet<string> Wrappers =
        ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    private static readonly string[] Stages = ["blocks", "layer1", "layer2", "layer3", "layer4"];

    // Heads of every kind that are no projector: those of timm, DeiT and torchvision. A projector's parts have numbers.
    private static readonly string[] Heads = ["head", "fc", "head_dist", "pre_logits", "classifier"];

    private readonly Dictionary<string, string> _targets = new(StringComparer.Ordinal);
    private readonly List<string> _classifier = [];
    private readonly List<string> _outside = [];

    /// <summary>Maps the names of a file.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="names">All names of the file.</param>
    /// <exception cref="CheckpointException">There are several encoders, and none is the one that is used.</exception>
    public NameRules(string path, IEnumerable<string> names)
    {
        Dictionary<string, string> clean = names.ToDictionary(name => name, Unwrapped, StringComparer.Ordinal);
        string[] encoders = [.. clean.Values.Select(PrefixOfEncoder).OfType<string>().Distinct()
            .Where(prefix => !prefix.Contains("decoder", StringComparison.Ordinal))];
        string prefix = Prefix(path, encoders);
        IsWhole = prefix.EndsWith(Base, StringComparison.Ordinal);
        string outer = IsWhole ? prefix[..^Base.Length] : prefix;
        foreach ((string name, string unwrapped) in clean)
        {
            if (!unwrapped.StartsWith(outer, StringComparison.Ordinal))
            {
                (IsHead(unwrapped) ? _classifier : _outside).Add(name);
                continue;
            }

            string inner = unwrapped[outer.Length..];
            string local = IsWhole && inner.StartsWith(Base, StringComparison.Ordinal) ? inner[Base.Length..] : inner;
            if (IsHead(local))
            {
                _classifier.Add(name);
            }
            else
            {
                _targets.Add(name, IsWhole ? inner : Base + local);
            }
        }
    }

    /// <summary>Whether the file names its tensors as the reference implementation does.</summary>
    public bool IsWhole { get; }

    /// <summary>By name in the file: the name here.</summary>
    public IReadOnlyDictionary<string, string> Targets => _targets;

    /// <summary>Names of a classifier, which is left out.</summary>
    public IReadOnlyList<string> Classifier => _classifier;

    /// <summary>Names beside the model.</summary>
    public IReadOnlyList<string> Outside => _outside;

    private static string Unwrapped(string name) =>
        string.Join('.', name.Split('.').Where(part => !Wrappers.Contains(part)));

    // What stands before the blocks of a transformer or the stages of a ResNet: "backbone." of backbone.blocks.0.norm1.
    private static string? PrefixOfEncoder(string name)
    {
        string[] parts = name.Split('.');
        for (int i = 0; i < parts.Length - 2; i++)
        {
            if (Stages.Contains(parts[i]) && parts[i + 1].All(char.IsAsciiDigit) && parts[i + 1].Length > 0)
            {
                return string.Concat(parts.Take(i).Select(part => part + "."));
            }
        }

        return null;
    }

    private static string Prefix(string path, string[] encoders)
    {
        string? whole = Array.Find(encoders, prefix => prefix.EndsWith(Base, StringComparison.Ordinal));
        string[] candidates = whole is not null ? [whole] : encoders.Contains("") ? [""] : encoders;
        return candidates.Length <= 1
            ? candidates.FirstOrDefault("")
            : throw new CheckpointException(
                $"{path}: there are {candidates.Length} encoders, under {LayoutCheck.Shown(candidates)}; expected one; "
                + "save the state_dict of the one that you want.");
    }

    private static bool IsHead(string name)
    {
        string[] parts = name.Split('.');
        return parts.Length > 1 && Heads.Contains(parts[0]) && !parts[1].All(char.IsAsciiDigit);
    }
}
