using System.Text.Json;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Backend.Tests;

/// <summary>The recorded operator results: what <c>manifest.json</c> says of each case, and its tensors.</summary>
internal sealed class OperatorRecording
{
    private static readonly Lazy<OperatorRecording> LazyShared = new(() => new OperatorRecording());

    private readonly JsonElement _manifest = Parse("manifest.json");
    private readonly JsonElement _tolerances = Parse("tolerances.json");

    /// <summary>The recording, read once.</summary>
    public static OperatorRecording Shared => LazyShared.Value;

    /// <summary>The names of all cases.</summary>
    public IEnumerable<string> Cases => _manifest.EnumerateObject().Select(property => property.Name);

    /// <summary>All tensors of the file.</summary>
    public Recording Tensors { get; } = new(Fixtures.File("ops", "ops.safetensors"));

    /// <summary>The manifest's entry of a case.</summary>
    public JsonElement Entry(string name) => _manifest.GetProperty(name);

    /// <summary>
    /// Largest difference allowed. Computing in F64: 1e-12 of the largest value or of 1, and 1e-7 of the largest value
    /// where that was rounded to F32 for storage. Computing in F32: the bound recorded beside the tensor, or eight
    /// roundings of the largest value where there is none. Narrower types were rounded once: nothing.
    /// </summary>
    public double Bound(string name, DType computed)
    {
        double largest = Tensors[name].Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
        return (Tensors.DType(name), computed) switch
        {
            (SafetensorsDType.F64, DType.F64) => 1e-12 * Math.Max(1, largest),
            (SafetensorsDType.F32, DType.F64) => 1e-7 * largest,
            (SafetensorsDType.F64 or SafetensorsDType.F32, _) =>
                _tolerances.TryGetProperty(name, out JsonElement recorded)
                    ? recorded.GetProperty("suggested_float32_atol").GetDouble()
                    : 8 * Math.ScaleB(largest, -23),
            _ => 0,
        };
    }

    private static JsonElement Parse(string file) =>
        JsonDocument.Parse(File.ReadAllText(Fixtures.File("ops", file))).RootElement;
}
