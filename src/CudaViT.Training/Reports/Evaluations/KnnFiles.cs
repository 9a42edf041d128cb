using System.Text.Json;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Knn;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>Writes the result of an evaluation by nearest neighbours: <c>knn.json</c> and <c>report.html</c>.</summary>
public static class KnnFiles
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes both files.</summary>
    /// <param name="folder">Made if need be; files of these names are replaced.</param>
    /// <param name="report">The report.</param>
    /// <exception cref="CheckpointException">They cannot be written.</exception>
    public static void Write(string folder, KnnReport report)
    {
        var files = new DurableFiles();
        DurableFiles.CreateFolder(folder);
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(report, Json);
        files.Write(Path.Combine(folder, "knn.json"), json.Length, stream => stream.Write(json));
        ClassificationPage.Of(report).Write(folder, files);
    }
}
