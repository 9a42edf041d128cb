using System.Globalization;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>Reads the settings of a model off the names and shapes of its tensors.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="shapes">Shapes by name, as they are called here.</param>
/// <param name="isWhole">
/// Whether the file names its tensors as the reference implementation does, whose ViT-S has 12 heads.
/// </param>
/// <param name="request">What was said about the model.</param>
internal sealed class ModelInference(
    string path, IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, bool isWhole, ImportRequest request)
{
    private const string Head = "head";
    private const string ResNetHead = "fc";
    private const string Blocks = $"{NameRules.Base}blocks.";

    // Heads are in no shape. These widths have one number wherever they were published.
    private static readonly Dictionary<int, int> HeadsByWidth =
        new() { [192] = 3, [768] = 12, [1024] = 16, [1280] = 16 };

    /// <summary>The settings; the position table still has to be told by its values.</summary>
    /// <exception cref="CheckpointException">It is no known model, or something has to be said.</exception>
    public ModelSettings Infer()
    {
        ModelSettings settings = Has("layer1.0.conv1.weight") ? ResNet() : VisionTransformer();
        try
        {
            settings.Validate();
        }
        catch (SettingsException e)
        {
            throw new CheckpointException($"{path}: {e.Message}", e);
        }

        return settings;
    }

    private ModelSettings ResNet() => Heads(ResNetHead, new ModelSettings
    {
        Architecture = Architecture.ResNet50,
        Channels = Size("conv1.weight", 4, 1),
        ImageSize = request.ImageSize ?? ModelSettings.ResNet50.ImageSize,
    });

    private ModelSettings VisionTransformer()
    {
        if (!shapes.Keys.Any(name => name.StartsWith(Blocks, StringComparison.Ordinal)))
        {
            throw new CheckpointException(
                $"{path}: there is neither blocks.0.attn.qkv.weight nor layer1.0.conv1.weight; expected a Vision "
                + "Transformer named as in timm, DeiT or MoCo v3, or a ResNet-50 named as in torchvision; rename the "
                + "tensors.");
        }

        int depth = Depth();
        int width = Size("blocks.0.attn.qkv.weight", 2, 1);
        bool isConvolution = Has("patch_embed.proj.0.weight");
        int patch = isConvolution ? ModelSettings.VitConvSmall.Patch : Size("patch_embed.proj.weight", 4, 3);
        bool hasClassToken = Has("cls_token");
        return Heads(Head, new ModelSettings
        {
            Channels = Size(isConvolution ? "patch_embed.proj.0.weight" : "patch_embed.proj.weight", 4, 1),
            Stem = isConvolution ? Stem.Convolution : Stem.Patch,
            Patch = patch,
            Width = width,
            Depth = depth,
            Heads = HeadCount(width),
            MlpRatio = MlpRatio(width),
            Pooling = hasClassToken ? Pooling.ClassToken : Has("norm.weight") ? Pooling.NormThenMean : Pooling.Mean,
            Position = Has("pos_embed") ? PositionTable.Learned : PositionTable.None,
            MlpNorm = Has("blocks.0.norm2.running_mean") ? MlpNorm.Batch : MlpNorm.Layer,
            ImageSize = ImageSize(patch, hasClassToken),
        });
    }

    private ModelSettings Heads(string head, ModelSettings settings)
    {
        int last = head == Head ? 6 : 3;
        return !Has($"{head}.0.weight") || !Has($"{head}.{last}.weight") ? settings : settings with
        {
            HeadHidden = Size($"{head}.0.weight", 2, 0),
            HeadOutput = Size($"{head}.{last}.weight", 2, 0),
            HeadBatchNorm = Has($"{head}.1.running_mean"),
            Predictor = shapes.ContainsKey("predictor.0.weight"),
        };
    }

    // The last block there is says how many there must be: those before it must be whole.
    private int Depth()
    {
        var blocks = new SortedDictionary<int, int>(); // tensors by number of the block
        foreach (string name in shapes.Keys.Where(name => name.StartsWith(Blocks, StringComparison.Ordinal)))
        {
            string number = name[Blocks.Length..].Split('.')[0];
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int block))
            {
                blocks[block] = blocks.GetValueOrDefault(block) + 1;
            }
        }

        int next = 0;
        bool hasGap = false;
        var problems = new List<string>();
        int most = blocks.Values.DefaultIfEmpty().Max();
        foreach ((int block, int count) in blocks)
        {
            if (block > next)
            {
                hasGap = true;
                problems.Add(block == next + 1
                    ? FormattableString.Invariant($"blocks.{next} is missing")
                    : FormattableString.Invariant($"blocks.{next} to blocks.{block - 1} are missing"));
            }

            if (count < most)
            {
                problems.Add(FormattableString.Invariant($"blocks.{block} is partial, with {count} of {most} tensors"));
            }

            next = block + 1;
        }

        // Without a gap, what the partial ones lack is listed with whatever else is missing.
        return !hasGap
            ? next
            : throw new CheckpointException(
                $"{path}: {LayoutCheck.Shown(problems)}; expected every block up to the last to be whole; export it "
                + "again.");
    }

    private int HeadCount(int width) => request.Heads
        ?? (isWhole && width == ModelSettings.VitSmall.Width ? ModelSettings.VitSmall.Heads
            : HeadsByWidth.TryGetValue(width, out int heads) ? heads
            : throw new CheckpointException(
                $"{path}: the number of attention heads is in no shape, and models of width {width} differ; expected "
                + "it to be said; add --heads N (MoCo v3's ViT-S has 12, DeiT's 6)."));

    private int MlpRatio(int width)
    {
        int hidden = Size("blocks.0.mlp.fc1.weight", 2, 0);
        return hidden % width == 0
            ? hidden / width
            : throw new CheckpointException(
                $"{path}: the MLPs are {hidden} wide, no multiple of the tokens' width {width}, which is expected; "
                + "this model cannot be built here.");
    }

    private int ImageSize(int patch, bool hasClassToken)
    {
        if (!Has("pos_embed"))
        {
            return request.ImageSize ?? throw new CheckpointException(
                $"{path}: the model has no position table, so the size of its images is in no shape; expected it to "
                + "be said; add --image-size N.");
        }

        int tokens = Size("pos_embed", 3, 1) - (hasClassToken ? 1 : 0);
        int grid = (int)Math.Round(Math.Sqrt(tokens));
        long size = (long)grid * patch;
        return tokens > 0 && (long)grid * grid == tokens && size <= int.MaxValue
            && (request.ImageSize ?? size) == size
            ? (int)size
            : throw new CheckpointException(
                $"{path}: the position table has {tokens} places besides the class token's, for images of {size} "
                + $"pixels; expected a square grid{(request.ImageSize is { } asked ? $" for {asked} pixels" : "")}; "
                + "leave out --image-size, or take a model for square images.");
    }

    private bool Has(string name) => shapes.ContainsKey(NameRules.Base + name);

    private int Size(string name, int rank, int axis)
    {
        if (!shapes.TryGetValue(NameRules.Base + name, out IReadOnlyList<long>? shape))
        {
            throw new CheckpointException($"{path}: there is no {name}; expected a whole encoder; export it again.");
        }

        return shape.Count == rank && shape.All(size => size is > 0 and <= int.MaxValue)
            ? (int)shape[axis]
            : throw new CheckpointException(
                $"{path}: {name} has the shape [{string.Join(", ", shape)}]; expected {rank} sizes above 0; "
                + "this model cannot be built here.");
    }
}
