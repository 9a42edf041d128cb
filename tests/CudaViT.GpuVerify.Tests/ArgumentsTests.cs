using System.Diagnostics;

namespace CudaViT.GpuVerify.Tests;

/// <summary>What is wrong with a command line is told before anything is published or run.</summary>
public sealed class ArgumentsTests
{
    [Fact]
    public void Options_come_in_any_order()
    {
        Assert.True(Arguments.TryParse(["--quick", "--programs", "p", "--out", "o"], out Arguments all, out _));
        Assert.Equal(new Arguments("o", "p", true), all);
        Assert.True(Arguments.TryParse([], out Arguments none, out _));
        Assert.Equal(new Arguments(Path.Combine("artifacts", "gpu"), null, false), none);
    }

    [Theory]
    [InlineData("--quik", "'--quik' is unknown; expected --out DIR, --quick or --programs DIR")]
    [InlineData("--out", "--out has no value; expected a folder")]
    [InlineData("--out --quick", "--out has no value; expected a folder")]
    [InlineData("--quick --programs", "--programs has no value; expected a folder")]
    public void What_is_wrong_is_told(string line, string expected)
    {
        Assert.False(Arguments.TryParse(line.Split(' '), out _, out string problem));
        Assert.Equal(expected, problem);
    }

    [SkippableTheory]
    [InlineData("--quik",
        "gpu-verify: '--quik' is unknown; expected --out DIR, --quick, --programs DIR or --publish-only")]
    [InlineData("--out", "gpu-verify: --out has no value; expected a folder")]
    [InlineData("--out --quick", "gpu-verify: --out has no value; expected a folder")]
    [InlineData("--programs /nowhere", "gpu-verify: --programs is '/nowhere', but there is no such folder")]
    [InlineData(
        "--publish-only --quick", "gpu-verify: --publish-only runs nothing; expected no other option beside it")]
    public void The_script_tells_it_before_it_publishes(string line, string expected)
    {
        (int status, string output, string error) = Run(line.Split(' '));

        Assert.Equal((2, "", expected), (status, output, error.TrimEnd()));
    }

    [SkippableFact]
    public void The_script_explains_itself_without_publishing()
    {
        (int status, string output, string error) = Run(["--help"]);

        Assert.Equal((0, ""), (status, error));
        Assert.DoesNotContain("publishing", output.Split('\n')[0], StringComparison.Ordinal);
        Assert.Contains("--publish-only", output, StringComparison.Ordinal);
    }

    private static (int Status, string Output, string Error) Run(string[] arguments)
    {
        Skip.If(OperatingSystem.IsWindows(), "the script is for a POSIX shell");
        string? script = Script();
        Skip.If(script is null, "the tests were published away from the repository");
        var start = new ProcessStartInfo("sh", [script!, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    private static string? Script()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, "tools", "gpu-verify") is var script && File.Exists(script))
            {
                return script;
            }
        }

        return null;
    }
}
