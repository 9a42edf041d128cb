using System.Text.Json;
using System.Text.Json.Serialization;
using CudaViT.Data.Sets;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// What a report says about a run that is neither a setting nor a measurement: the file <c>run.json</c>. Written when a
/// run begins or goes on, and again with every report; nothing reads it to train.
/// </summary>
public sealed record RunRecord
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip, // of newer versions
    };

    /// <summary>Name of the device.</summary>
    public required string Device { get; init; }

    /// <summary>Name of the training data.</summary>
    public required string Data { get; init; }

    /// <summary>Images to train on.</summary>
    public required int TrainImages { get; init; }

    /// <summary>Images to judge by; 0 for none.</summary>
    public required int HeldOutImages { get; init; }

    /// <summary>Parameters of base encoder, projector and predictor.</summary>
    public required long Parameters { get; init; }

    /// <summary>Parameters that are trained.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>Steps in an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Images that could not be decoded, as far as the run met them.</summary>
    public IReadOnlyList<DamagedImage> Damaged { get; init; } = [];

    /// <summary>Reads a record.</summary>
    /// <returns>Null where there is none that can be read, as in runs of older versions.</returns>
    public static RunRecord? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<RunRecord>(File.ReadAllBytes(path), Json) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The content of the file.</summary>
    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);
}
