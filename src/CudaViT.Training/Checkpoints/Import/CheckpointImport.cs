using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>
/// Turns a checkpoint of the reference implementation, of timm or of DeiT into a file that every command here reads.
/// </summary>
/// <remarks>
/// A part that the file has none of (projector, momentum encoder, predictor) is left out of the result; a part that it
/// has some of must be whole, and must have nothing else in it.
/// </remarks>
public static class CheckpointImport
{
    // Tables that were computed in float32 by another library differ in the last bits of sine and cosine.
    private const double TableTolerance = 1e-5;

    /// <summary>Reads a file and writes another.</summary>
    /// <param name="path">A .pth.tar, .pth or .safetensors file.</param>
    /// <param name="output">The safetensors file to write.</param>
    /// <param name="request">What the shapes do not tell.</param>
    /// <param name="progress">Is told how far it is; null for nobody.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, is the one to write, is no model that is known here, lacks something, or the result
    /// cannot be written.
    /// </exception>
    public static ImportReport Run(
        string path, string output, ImportRequest request, IWorkProgress? progress = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        DurableFiles.RequireOther(path, output);
        using ITensorSource source = TensorSources.Open(path);
        var rules = new NameRules(
            path, source.Tensors.Select(tensor => tensor.Name).Concat(source.Others.Select(other => other.Name)));
        ForeignParts.RefuseKnown(path, rules.IsWhole, rules.Targets.Values);
        Dictionary<string, SafetensorsTensor> byTarget = ByTarget(path, source, rules.Targets);
        var shapes = byTarget.ToDictionary(pair => pair.Key, pair => pair.Value.Shape);
        ModelSettings model = new ModelInference(path, shapes, rules.IsWhole, Known(source, request)).Infer();
        model = WithPosition(model, source, byTarget);

        (List<StateEntry> entries, List<string> absent) = Entries(model, byTarget);
        List<(string Name, string Shown)> left = Left(source, rules.Targets, entries);
        ForeignParts.RefuseWithin(path, rules.IsWhole, left);
        LayoutCheck.Require(path, entries, name => byTarget.GetValueOrDefault(name));
        var values = new FiniteCheck();
        Write(output, source, model, entries, byTarget, values, progress);
        return new ImportReport
        {
            Source = path,
            Kind = source.Kind,
            Output = output,
            Model = model,
            Tensors = entries.Count,
            AbsentParts = absent,
            Classifier = rules.Classifier,
            Unexpected = [.. left.Select(tensor => tensor.Shown), .. rules.Outside],
            NotFinite = values.Found,
            Rest = source.Rest,
        };
    }

    private static Dictionary<string, SafetensorsTensor> ByTarget(
        string path, ITensorSource source, IReadOnlyDictionary<string, string> targets)
    {
        var result = new Dictionary<string, SafetensorsTensor>(StringComparer.Ordinal);
        foreach (SafetensorsTensor tensor in source.Tensors)
        {
            if (targets.TryGetValue(tensor.Name, out string? target) && !result.TryAdd(target, tensor))
            {
                throw new CheckpointException(
                    $"{path}: two tensors are called {target} here, one of them {tensor.Name}; expected one; "
                    + "remove the other.");
            }
        }

        return result;
    }

    // What has a name here and no place in the model, in the order of the file.
    private static List<(string Name, string Shown)> Left(
        ITensorSource source, IReadOnlyDictionary<string, string> targets, List<StateEntry> entries)
    {
        HashSet<string> taken = [.. entries.Select(entry => entry.Name)];
        IEnumerable<(string Name, string Shown)> tensors = source.Tensors
            .Where(tensor => targets.ContainsKey(tensor.Name) && !taken.Contains(targets[tensor.Name]))
            .Select(tensor => (targets[tensor.Name], tensor.Name));
        IEnumerable<(string Name, string Shown)> others = source.Others
            .Where(other => targets.ContainsKey(other.Name))
            .Select(other => (targets[other.Name], other.ToString()));
        return [.. tensors, .. others];
    }

    // A file that was exported here says what shapes cannot.
    private static ImportRequest Known(ITensorSource source, ImportRequest request)
    {
        try
        {
            if (source.Metadata.TryGetValue(TrainSettings.MetadataKey, out string? json)
                && JsonNode.Parse(json) is JsonObject settings
                && SettingsJson.Merge(new TrainSettings(), settings, "").Model is var model)
            {
                return new ImportRequest(request.Heads ?? model.Heads, request.ImageSize ?? model.ImageSize);
            }
        }
        catch (Exception e) when (e is JsonException or SettingsException)
        {
            // Someone else's settings under the same name.
        }

        return request;
    }

    private static ModelSettings WithPosition(
        ModelSettings model, ITensorSource source, Dictionary<string, SafetensorsTensor> byTarget)
    {
        if (model.Position != PositionTable.Learned || model.Width % 4 != 0
            || byTarget[$"{NameRules.Base}pos_embed"] is not { DType: SafetensorsDType.F32 } tensor
            || tensor.Shape[2] != model.Width)
        {
            return model;
        }

        int grid = model.ImageSize / model.Patch;
        double[] fixedTable = SinCosTable.Make(grid, grid, model.Width, model.Pooling == Pooling.ClassToken);
        var stream = new MemoryStream();
        source.CopyTo(tensor.Name, stream.Write);
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(stream.GetBuffer().AsSpan(0, (int)stream.Length));
        bool isFixed = values.Length == fixedTable.Length;
        for (int i = 0; i < values.Length && isFixed; i++)
        {
            isFixed = Math.Abs(values[i] - fixedTable[i]) <= TableTolerance;
        }

        return isFixed ? model with { Position = PositionTable.SinCos } : model;
    }

    private static (List<StateEntry> Entries, List<string> Absent) Entries(
        ModelSettings model, Dictionary<string, SafetensorsTensor> byTarget)
    {
        var whole = new MoCoV3(model, temperature: 1);
        string projector = model.Architecture == Settings.Architecture.ResNet50 ? "fc." : "head.";
        HashSet<string> backbone = [.. whole.BaseEncoder.BackboneLayout().Select(entry => NameRules.Base + entry.Name)];
        (string Name, string Prefix)[] optional =
        [
            ("projector", NameRules.Base + projector),
            ("momentum encoder", NameRules.Momentum),
            ("predictor", NameRules.Predictor),
        ];
        List<(string Name, string Prefix)> absent = [.. optional.Where(part =>
            !byTarget.Keys.Any(name => name.StartsWith(part.Prefix, StringComparison.Ordinal)))];
        List<StateEntry> entries = [.. whole.Layout().Where(entry => backbone.Contains(entry.Name)
            || !absent.Exists(part => entry.Name.StartsWith(part.Prefix, StringComparison.Ordinal)))];
        return (entries, [.. absent.Select(part => part.Name)]);
    }

    private static void Write(
        string output,
        ITensorSource source,
        ModelSettings model,
        List<StateEntry> entries,
        Dictionary<string, SafetensorsTensor> byTarget,
        FiniteCheck values,
        IWorkProgress? progress)
    {
        SafetensorsTensor[] described = [.. entries.Select(entry => new SafetensorsTensor(
            entry.Name, Written(byTarget[entry.Name].DType), byTarget[entry.Name].Shape))];
        var metadata = new Dictionary<string, string>
        {
            [TrainSettings.MetadataKey] = SettingsJson.Write(new TrainSettings { Preset = "imported", Model = model }),
        };
        long size = described.Sum(tensor => tensor.SizeInBytes);
        new DurableFiles().Write(output, size, stream =>
        {
            var writer = new SafetensorsWriter(new WatchedStream(stream, size, progress), described, metadata);
            foreach (SafetensorsTensor tensor in described)
            {
                SafetensorsTensor from = byTarget[tensor.Name];
                source.CopyTo(from.Name, part =>
                {
                    ReadOnlySpan<byte> bytes = Converted(part, from.DType);
                    values.Look(tensor, bytes);
                    writer.Write(tensor.Name, bytes);
                });
            }

            writer.Complete();
        });
    }

    // Half precision is for storage only: nothing here computes in it.
    private static SafetensorsDType Written(SafetensorsDType dtype) =>
        dtype == SafetensorsDType.F16 ? SafetensorsDType.F32 : dtype;

    private static ReadOnlySpan<byte> Converted(ReadOnlySpan<byte> part, SafetensorsDType dtype) =>
        dtype == SafetensorsDType.F16
            ? MemoryMarshal.AsBytes(Array.ConvertAll(
                MemoryMarshal.Cast<byte, Half>(part).ToArray(), value => (float)value).AsSpan())
            : part;
}

/// <summary>What the shapes of a file do not tell.</summary>
/// <param name="Heads">Attention heads; null to go by the width.</param>
/// <param name="ImageSize">Height and width of the images; null to go by the position table.</param>
public sealed record ImportRequest(int? Heads = null, int? ImageSize = null);
