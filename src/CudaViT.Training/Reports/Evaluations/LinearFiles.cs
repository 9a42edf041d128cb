using System.Text.Json;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>
/// Writes the result of a linear probe: <c>linear.json</c>, <c>report.html</c> and <c>classifier.safetensors</c>.
/// </summary>
public static class LinearFiles
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes the files.</summary>
    /// <param name="folder">Owned by the caller; made if need be; files of these names are replaced.</param>
    /// <param name="report">The report.</param>
    /// <param name="classifier"><c>head.weight</c> and <c>head.bias</c>.</param>
    /// <exception cref="CheckpointException">They cannot be written.</exception>
    public static void Write(string folder, LinearReport report, IReadOnlyList<NamedArray> classifier)
    {
        var files = DurableFiles.ForOwner();
        DurableFiles.CreateFolder(folder);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(report, Json);
        files.Write(
            Path.Combine(folder, "classifier.safetensors"),
            TensorFile.DataSizeInBytes(classifier),
            stream => TensorFile.Write(stream, classifier));
        files.Write(Path.Combine(folder, "linear.json"), json.Length, stream => stream.Write(json));
        ClassificationPage.Of(report).Write(folder, files);
    }
}
