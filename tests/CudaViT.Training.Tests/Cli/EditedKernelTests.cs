using CudaViT.Cli;
using CudaViT.Cuda;
using CudaViT.Emulator;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>What someone meets who edits a copy of the kernels and runs it with --kernels-dir, without a GPU.</summary>
public sealed class EditedKernelTests : IDisposable
{
    private const string File = "l2_normalize.cu";
    private const string Line = "if (threadIdx.x == 0) n[i] = norm;";

    private readonly TemporaryFolder _folder = new();

    public EditedKernelTests()
    {
        KernelSources sources = KernelSources.BuiltIn();
        foreach (string name in sources.Names)
        {
            _folder.Write(name, System.Text.Encoding.UTF8.GetBytes(sources[name]));
        }
    }

    public void Dispose() => _folder.Dispose();

    [SkippableTheory]
    [InlineData("emulator")]
    [InlineData("emulator-strict")]
    public void An_unchanged_copy_passes(string device)
    {
        SkipWithoutEmulator();
        Assert.Equal((0, ""), Gradcheck(device));
    }

    [SkippableFact]
    public void A_wrong_gradient_is_found()
    {
        SkipWithoutEmulator();
        Edit("u - along * v", "u + along * v");
        (int status, string error) = Gradcheck("emulator");
        Assert.Equal(1, status);
        Assert.Contains("gradient checks did not pass", error);
    }

    [SkippableFact]
    public void A_write_outside_an_array_names_kernel_thread_and_line()
    {
        SkipWithoutEmulator();
        Edit(Line, "if (threadIdx.x == 0) n[i + N] = norm;");
        (int status, string error) = Gradcheck("emulator-strict");
        Assert.Equal(1, status);
        Assert.Contains("l2_normalize_forward", error);
        Assert.Contains($"{File}:", error);
        Assert.Contains("thread", error);
    }

    [SkippableFact]
    public void What_does_not_compile_names_file_line_and_build()
    {
        SkipWithoutEmulator();
        Edit(Line, Line.Replace("norm", "nrom", StringComparison.Ordinal));
        (int status, string error) = Gradcheck("emulator");
        Assert.Equal(1, status);
        Assert.Contains("nrom", error);
        Assert.Contains($"{File}:", error);
        Assert.Contains("f64", error);
    }

    // In a process, since notes go to standard error itself.
    [SkippableFact]
    public void Files_that_the_folder_lacks_are_the_built_in_ones_and_that_is_said()
    {
        SkipWithoutEmulator();
        foreach (string name in KernelSources.BuiltIn().Names.Where(name => name != File))
        {
            System.IO.File.Delete(_folder[name]);
        }

        Edit("u - along * v", "u + along * v");
        (int status, string _, string error) = CliProcess.Run(
            new Dictionary<string, string?>(), "gradcheck", "L2Normalize", "Softmax", "--device", "emulator",
            "--kernels-dir", _folder.Path);

        string first = KernelSources.BuiltIn().Names.First();
        string[] lines = error.TrimEnd().Split('\n');
        Assert.StartsWith($"cudavit: {_folder.Path} has no {first}, ", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(
            $" and {KernelSources.BuiltIn().Names.Count - 4} others; the built-in ones run in their place", lines[0],
            StringComparison.Ordinal);
        Assert.Equal(1, status); // the edited one is in use
        Assert.Contains("gradient checks did not pass", lines[^1], StringComparison.Ordinal);
    }

    private static void SkipWithoutEmulator() =>
        Skip.If(EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);

    private (int Status, string Error) Gradcheck(string device)
    {
        var error = new StringWriter();
        int status = CommandLine.Run(
            ["gradcheck", "L2Normalize", "--device", device, "--kernels-dir", _folder.Path], new StringWriter(), error);
        return (status, error.ToString());
    }

    private void Edit(string from, string to)
    {
        string text = System.IO.File.ReadAllText(_folder[File]);
        Assert.Contains(from, text);
        System.IO.File.WriteAllText(_folder[File], text.Replace(from, to, StringComparison.Ordinal));
    }
}
