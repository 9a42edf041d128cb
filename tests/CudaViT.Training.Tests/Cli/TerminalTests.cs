using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>What people see who look at a run as it goes: the real program in a pseudo-terminal.</summary>
public sealed partial class TerminalTests : IDisposable
{
    private const string Bar = "━";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableTheory]
    [InlineData(80)]
    [InlineData(100)]
    public void Progress_fits_the_width_of_the_terminal(int columns)
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 60);
        string[] lines = RunInTerminal(
            columns, "train", "--settings", settings, "--out", _folder["run"], "--device", "cpu", "--threads", "1");
        string[] bars = [.. lines.Where(line => line.Contains(Bar, StringComparison.Ordinal))];
        Assert.All(bars, bar => Assert.True(bar.TrimEnd().Length < columns, bar));
        string[] steps = [.. bars.Where(bar => bar.Contains("loss", StringComparison.Ordinal))];
        Assert.NotEmpty(steps);
        Assert.All(steps, step =>
        {
            Assert.Contains("epoch", step);
            Assert.Contains("left", step); // a line that was broken would have it on the next one
            Assert.Equal(columns >= 100, step.Contains("of collapse", StringComparison.Ordinal));
        });
        Assert.Contains(lines, line => line.StartsWith("51 images to train on, 20 held out", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("about ", StringComparison.Ordinal));
        Assert.True(File.Exists(_folder["run", "final.safetensors"]));
    }

    // `script` makes the terminal, `stty` sets its width: both come with Linux distributions, but not with all images.
    private static string[] RunInTerminal(int columns, params string[] arguments)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "a pseudo-terminal is made by the script command of Linux");
        string program = string.Join(' ', CliProcess.Command(arguments).Select(Quote));
        string command = string.Create(CultureInfo.InvariantCulture, $"stty cols {columns} rows 30 && {program}");
        var start = new ProcessStartInfo("script", ["-qefc", command, "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["TERM"] = "xterm";
        foreach (string name in (string[])["CI", "GITHUB_ACTIONS", "NO_COLOR", "CUDAVIT_DEBUG"])
        {
            start.Environment.Remove(name);
        }

        try
        {
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            return EscapeSequence().Replace(output, "").Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Win32Exception)
        {
            throw new SkipException("there is no script command (package bsdutils) to make a pseudo-terminal with");
        }
    }

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"\x1b(\[[0-9;?]*[A-Za-z]|[=>])")]
    private static partial Regex EscapeSequence();
}
