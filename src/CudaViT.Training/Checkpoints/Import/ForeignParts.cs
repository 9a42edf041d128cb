namespace CudaViT.Training.Checkpoints.Import;

/// <summary>
/// Parts that encoders of other papers have and those here do not. A file with one of them can have every tensor that
/// an encoder needs here and still be another function, so it is refused rather than imported without the part.
/// </summary>
internal static class ForeignParts
{
    private const int NamesShown = 2;

    // By any part of a name between dots; those that may stand at the top count there, too.
    private static readonly (string What, bool IsAtTop, string[] Parts)[] Known =
    [
        ("LayerScale, which scales what a branch adds", false,
            [
                "ls1", "ls2", "gamma_1", "gamma_2", "layer_scale", "layer_scale_1", "layer_scale_2", "lambda1",
                "lambda2",
            ]),
        ("query and key norms, which normalize before the attention scores", false, ["q_norm", "k_norm", "qk_norm"]),
        ("register tokens, which every block attends to", true,
            ["reg_token", "reg_tokens", "register_token", "register_tokens", "storage_tokens"]),
        ("a normalization before the first block", true, ["norm_pre", "ln_pre", "pre_norm"]),
        ("a relative position bias, which is added to the attention scores", true,
            [
                "relative_position_bias_table", "relative_position_bias", "relative_position_index", "rel_pos_bias",
                "rel_pos", "rel_pos_h", "rel_pos_w",
            ]),
        ("rotary positions, which turn queries and keys", true, ["rope", "rope_embed", "freqs_cis", "inv_freq"]),
        ("a distillation token, which every block attends to", true, ["dist_token"]),
        ("SwiGLU, an MLP with a gate", false, ["w12", "w1", "w2", "w3", "fc1_g", "fc1_x", "gate_proj"]),
        ("biases of queries and values of their own", false, ["q_bias", "k_bias", "v_bias"]),
        ("a normalization after pooling", true, ["fc_norm"]),
        ("attention pooling", true, ["attn_pool", "attnpool"]),
        ("squeeze-and-excitation, which scales channels", false, ["se"]),
        ("low-rank adapters", false, ["lora_A", "lora_B", "lora_a", "lora_b"]),
    ];

    // What stands at the top of an encoder. What stands beside is stepped over, unless it is known above.
    private static readonly string[] Roots =
    [
        "cls_token", "pos_embed", "patch_embed", "blocks", "norm", "head", "conv1", "bn1", "layer1", "layer2", "layer3",
        "layer4", "fc",
    ];

    /// <summary>Throws when a name is that of a part which is known and not built here.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="isWhole">Whether the file has all of a MoCo v3 model, under the reference's names.</param>
    /// <param name="names">Names here of everything in the file, also of tensors that cannot be read.</param>
    /// <exception cref="CheckpointException">The message says what the parts are and what they do.</exception>
    public static void RefuseKnown(string path, bool isWhole, IEnumerable<string> names)
    {
        List<string>[] found = [.. Known.Select(_ => new List<string>())];
        foreach (string name in names)
        {
            string[] parts = Local(name).Split('.');
            bool isInModel = IsInModel(name, isWhole);
            int kind = Array.FindIndex(Known, part =>
                isInModel ? part.Parts.Any(parts.Contains) : part.IsAtTop && part.Parts.Contains(parts[0]));
            if (kind >= 0)
            {
                found[kind].Add(Local(name));
            }
        }

        string[] parted = [.. found.Zip(Known)
            .Where(pair => pair.First.Count > 0)
            .Select(pair => $"{pair.Second.What} ({Shown(pair.First)})")];
        if (parted.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: the encoder has {string.Join("; ", parted)}: without that its features would be others; "
                + "expected a plain pre-norm Vision Transformer, as of MoCo v3 or DeiT, or a ResNet-50; import a "
                + "checkpoint without it.");
        }
    }

    /// <summary>Throws when a name within a part of the model is none that the part has.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="isWhole">Whether the file has all of a MoCo v3 model, under the reference's names.</param>
    /// <param name="left">What was not taken over: the name here, and what to call it.</param>
    /// <exception cref="CheckpointException">The message lists the names.</exception>
    public static void RefuseWithin(string path, bool isWhole, IEnumerable<(string Name, string Shown)> left)
    {
        string[] within = [.. left.Where(tensor => IsInModel(tensor.Name, isWhole)).Select(tensor => tensor.Shown)];
        if (within.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: {within.Length} tensors within the model are not understood: {LayoutCheck.Shown(within)}; "
                + "expected those of one of the models here and no others, as any other changes what it computes; "
                + "import a checkpoint without them, or remove them if they are not used.");
        }
    }

    // A file of an encoder alone may have anything beside it: only what hangs below one of its parts is in it.
    private static bool IsInModel(string name, bool isWhole) =>
        name.StartsWith(NameRules.Base, StringComparison.Ordinal)
        ? isWhole || Roots.Contains(Local(name).Split('.')[0])
        : name.StartsWith(NameRules.Momentum, StringComparison.Ordinal)
            || name.StartsWith(NameRules.Predictor, StringComparison.Ordinal);

    private static string Local(string name) =>
        name.StartsWith(NameRules.Base, StringComparison.Ordinal) ? name[NameRules.Base.Length..] : name;

    private static string Shown(List<string> names) => names.Count <= NamesShown
        ? string.Join(", ", names)
        : FormattableString.Invariant(
            $"{string.Join(", ", names.Take(NamesShown))} and {names.Count - NamesShown} more");
}
