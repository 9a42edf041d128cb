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
        string last = Directory.GetFiles(Path.Combine(expected, "checkpoints"), "*.safetensors").Order().Last();
        foreach (string file in (string[])["final.safetensors", Path.Combine("checkpoints", Path.GetFileName(last))])
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(expected, file));
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(actual, file))), $"{file} differs");
        }
    }
}
