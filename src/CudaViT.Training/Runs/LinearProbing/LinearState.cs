using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>Keeps the state of a linear probe in <c>checkpoints/</c>, so that it can go on after a stop or a crash.</summary>
/// <param name="folder">Folder of the probe's results.</param>
/// <param name="resume">Whether to go on with what is there.</param>
public sealed class LinearCheckpoints(string folder, bool resume)
{
    private const string History = "history";
    private const string LeftOut = "left_out";

    private readonly CheckpointStore _store = new(Path.Combine(folder, "checkpoints"), keep: 2);
    private RunIdentity? _identity;

    /// <summary>SHA-256 of all that decides the result: settings, encoder, number of images.</summary>
    internal static string Digest(LinearSettings settings, string model, DatasetSplits data) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new
        {
            Settings = settings with { Workers = null },
            Model = FileDigest.Of(model),
            Images = (int[])[data.Train.Count, data.HeldOut!.Count, data.Train.ClassCount],
        })));

    /// <summary>Finds out where to go on.</summary>
    /// <returns>The newest whole state, its arrays in the step scope of the caller; null to begin at the beginning.</returns>
    /// <exception cref="InputException">The folder is in use, or holds the state of another probe.</exception>
    internal LinearState? Begin(RunIdentity identity, IBackend backend, Action<string> note)
    {
        _identity = identity;
        if (!resume && _store.HasAny)
        {
            throw new RunException(
                $"{folder}: there is a linear probe in this folder already; expected a new one; go on with --resume, or "
                + "name another with --out.");
        }

        _store.CleanUp();
        Checkpoint? checkpoint = resume ? _store.FindNewest(note) : null;
        if (checkpoint is null)
        {
            if (resume)
            {
                note($"{folder}: there is no whole checkpoint yet; beginning anew");
            }

            return null;
        }

        if (checkpoint.Info.SettingsDigest != identity.SettingsDigest)
        {
            throw new RunException(
                $"{checkpoint.TensorPath}: this state is that of a probe with other settings, another encoder or other "
                + "images; expected the same; give the options it was begun with, or name another folder with --out.");
        }

        note($"going on after step {checkpoint.Info.Step}, from {checkpoint.TensorPath}");
        return Read(checkpoint, backend);
    }

    /// <summary>Writes a state in place of the one before.</summary>
    /// <exception cref="CheckpointException">It cannot be written; the one before is untouched.</exception>
    internal void Save(LinearState state)
    {
        RunIdentity identity = _identity ?? throw new InvalidOperationException("Begin comes first.");
        var info = new CheckpointInfo
        {
            Step = state.Step,
            Epoch = (int)(state.Step / identity.StepsPerEpoch),
            StepInEpoch = (int)(state.Step % identity.StepsPerEpoch),
            Seed = identity.Seed,
            Preset = identity.Preset,
            SettingsDigest = identity.SettingsDigest,
            Evaluations = state.Histories[0].Count,
        };
        NamedArray[] arrays = [.. state.Arrays.SelectMany((candidate, i) => candidate
            .Select(pair => new NamedArray(Prefix(i) + pair.Key, pair.Value)))];
        _store.Save(info, arrays, new Dictionary<string, string>
        {
            [History] = JsonSerializer.Serialize(state.Histories),
            [LeftOut] = JsonSerializer.Serialize(state.LeftOut),
        });
    }

    private static LinearState Read(Checkpoint checkpoint, IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(checkpoint.TensorPath);
        List<List<LinearScore>> histories = Parse<List<LinearScore>>(file, History, checkpoint.TensorPath);
        Dictionary<string, NdArray>[] arrays = [.. histories.Select((_, i) =>
            TensorFile.Read(file, backend, checkpoint.TensorPath, Prefix(i)))];
        return new LinearState(
            checkpoint.Info.Step, arrays, histories, Parse<DamagedImage>(file, LeftOut, checkpoint.TensorPath));
    }

    private static List<T> Parse<T>(SafetensorsFile file, string key, string path)
    {
        try
        {
            return JsonSerializer.Deserialize<List<T>>(file.Metadata[key])!;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new CheckpointException(
                $"{path}: the state of the probe lacks its {key}; expected one that cudavit linear wrote; remove the "
                + "folder checkpoints to begin anew.", e);
        }
    }

    private static string Prefix(int candidate) => string.Create(CultureInfo.InvariantCulture, $"rate.{candidate}.");
}

/// <summary>Everything that a linear probe needs to go on with the same bits.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Arrays">Weights, momentum and sums of each classifier by name.</param>
/// <param name="Histories">Scores of each classifier after the epochs that were judged.</param>
/// <param name="LeftOut">Training images that could not be decoded.</param>
internal sealed record LinearState(
    long Step,
    IReadOnlyList<Dictionary<string, NdArray>> Arrays,
    IReadOnlyList<IReadOnlyList<LinearScore>> Histories,
    IReadOnlyList<DamagedImage> LeftOut);
