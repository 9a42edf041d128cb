using System.Text.Json.Nodes;

namespace CudaViT.Training.Tests.Support;

/// <summary>What two runs must share bit for bit.</summary>
internal static class RunContent
{
    /// <summary>Metrics without their timing, one object a line.</summary>
    public static string[] Metrics(string folder) =>
        [.. File.ReadAllLines(Path.Combine(folder, "metrics.jsonl")).Select(line =>
        {
            JsonObject entry = JsonNode.Parse(line)!.AsObject();
            Assert.True(entry.Remove("timing"));
            return entry.ToJsonString();
        })];

    /// <summary>Fails unless parameters, optimizer state and metrics of two finished runs are the same.</summary>
    public static void AssertSame(string expected, string actual)
    {
        Assert.Equal(Metrics(expected), Metrics(actual));
        Assert.Equal(File.ReadAllBytes(Path.Combine(expected, "final.safetensors")), File.ReadAllBytes(Path.Combine(actual, "final.safetensors")));
        string last = Directory.GetFiles(Path.Combine(expected, "checkpoints"), "*.safetensors").Order().Last();
        string other = Path.Combine(actual, "checkpoints", Path.GetFileName(last));
        Assert.Equal(File.ReadAllBytes(last), File.ReadAllBytes(other));
    }
}
