using System.Runtime.CompilerServices;
using CudaViT.Core;
using CudaViT.Cpu;

namespace CudaViT.Backend.Tests.Docs;

/// <summary>The example of the README is code that runs: this file has it, between two marks, word for word.</summary>
public class ReadmeExampleTests
{
    private const string Begin = "// README begin";
    private const string End = "// README end";

    [Fact]
    public void The_example_trains()
    {
        const int batch = 3;
        float[] pixels = [.. Enumerable.Range(0, batch * 784).Select(i => MathF.Sin(i))];
        float[] initial = new float[10 * 784];
        long[] digits = [3, 1, 4];

        // README begin
        using var backend = new CpuBackend();
        using var scope = new StepScope();                        // owns every temporary; nothing else to dispose

        var x = new Tensor(NdArray.From<float>(backend, pixels, [batch, 784]));
        var labels = NdArray.From<long>(backend, digits, [batch]);
        var weight = new Tensor(NdArray.From<float>(backend, initial, [10, 784]), requiresGrad: true);

        Tensor loss = CrossEntropy.Apply(Linear.Apply(x, weight), labels);
        loss.Backward();                                          // weight.Grad is there, and outlives the scope
        // README end

        // Without weights every class is as likely: the loss is ln 10, and its gradient by the logits (0.1 - hit) /
        // batch.
        Assert.Equal(Math.Log(10), loss.Data.Item(), 1e-6);
        double expected = Enumerable.Range(0, batch)
            .Sum(sample => (0.1 - (digits[sample] == 4 ? 1 : 0)) / batch * pixels[sample * 784]);
        Assert.Equal(expected, weight.Grad!.ToArray<float>()[4 * 784], 1e-6);
    }

    [Fact]
    public void The_README_shows_this_example()
    {
        string[] here = File.ReadAllLines(ThisFile());
        int first = Array.FindIndex(here, line => line.Trim() == Begin) + 1;
        int end = Array.FindIndex(here, first, line => line.Trim() == End);
        string example = string.Join('\n', here[first..end].Select(line => line.Length > 8 ? line[8..] : ""));
        string readme = Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "README.md");

        Assert.Contains(
            $"```csharp\n{example}\n```", File.ReadAllText(readme).ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
