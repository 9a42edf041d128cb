using System.Globalization;
using System.Text.Json;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Runs.LinearProbing;

/// <summary>How the state of a probe stands in a checkpoint: arrays by candidate, and the rest as strings.</summary>
internal static class LinearState
{
    private const string History = "history";

    /// <summary>The arrays of all candidates; allocated in the caller's step scope.</summary>
    public static IReadOnlyList<NamedArray> Arrays(IReadOnlyList<LinearCandidate> candidates) =>
        [.. candidates.SelectMany((candidate, i) => candidate.State()
            .Select(named => named with { Name = Prefix(i) + named.Name }))];

    /// <summary>Scores after the epochs that were judged.</summary>
    public static Dictionary<string, string> Strings(IReadOnlyList<LinearCandidate> candidates) => new()
    {
        [History] = JsonSerializer.Serialize(candidates.Select(candidate => candidate.History)),
    };

    /// <summary>Goes on from a checkpoint; its arrays are in the caller's step scope.</summary>
    /// <exception cref="InputException">It is not the state of such candidates.</exception>
    public static void Load(Checkpoint checkpoint, IReadOnlyList<LinearCandidate> candidates, IBackend backend)
    {
        using SafetensorsFile file = SafetensorsFile.Open(checkpoint.TensorPath);
        List<List<LinearScore>> histories = Histories(file, checkpoint.TensorPath);
        for (int i = 0; i < candidates.Count; i++)
        {
            candidates[i].Load(TensorFile.Read(file, backend, checkpoint.TensorPath, Prefix(i)), histories[i]);
        }
    }

    private static List<List<LinearScore>> Histories(SafetensorsFile file, string path)
    {
        try
        {
            return JsonSerializer.Deserialize<List<List<LinearScore>>>(file.Metadata[History])!;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new CheckpointException(
                $"{path}: the state of the probe lacks its {History}; expected one that cudavit linear wrote; remove "
                + "the folder checkpoints to begin anew.", e);
        }
    }

    private static string Prefix(int candidate) => string.Create(CultureInfo.InvariantCulture, $"rate.{candidate}.");
}
