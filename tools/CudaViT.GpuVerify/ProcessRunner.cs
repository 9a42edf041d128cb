using System.Diagnostics;
using System.Text;

namespace CudaViT.GpuVerify;

/// <summary>Runs programs; a seam for tests.</summary>
internal interface IProcessRunner
{
    /// <summary>Path of a tool of this machine; null where it is not installed.</summary>
    string? FindTool(string name);

    /// <summary>Runs a published program to its end.</summary>
    /// <param name="program">Assembly name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="wrapper">A tool's path, and options, that run the program; empty for none.</param>
    /// <param name="variables">Environment variables beside those that all programs get.</param>
    /// <param name="limit">When to stop it.</param>
    /// <returns>Exit status, or null if it was stopped; all that it printed.</returns>
    (int? Status, string Text) Run(
        string program, string[] arguments, string[] wrapper, IReadOnlyDictionary<string, string> variables,
        TimeSpan limit);
}

/// <summary>Runs programs as processes of the host that runs this one.</summary>
/// <param name="programs">Where they are.</param>
internal sealed class ProcessRunner(ProgramFolders programs) : IProcessRunner
{
    public string? FindTool(string name)
    {
        string[] folders =
        [
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator),
            .. ((string[])["CUDA_PATH", "CUDA_HOME"]).Select(Environment.GetEnvironmentVariable)
                .Append("/usr/local/cuda").OfType<string>().Select(toolkit => Path.Combine(toolkit, "bin")),
        ];
        return folders.Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    public (int? Status, string Text) Run(
        string program, string[] arguments, string[] wrapper, IReadOnlyDictionary<string, string> variables,
        TimeSpan limit)
    {
        string? self = Environment.ProcessPath;
        string host = Path.GetFileNameWithoutExtension(self) == "dotnet" ? self! : "dotnet";
        string[] command = [.. wrapper, host, programs.Find(program)!, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Tests for a GPU fail where there is none instead of being skipped. Pages of code that are written once need
        // no second mapping, which tools that instrument the process do not always expect.
        start.Environment["CUDAVIT_REQUIRE_GPU"] = "1";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        if (programs.Fixtures() is { } fixtures)
        {
            start.Environment.TryAdd("CUDAVIT_FIXTURES", fixtures); // the programs may lie outside the repository
        }

        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        using var process = new Process { StartInfo = start };
        var text = new StringBuilder();
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (null, Text());
        }

        process.WaitForExit(); // the streams, too
        return (process.ExitCode, Text());

        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (text)
            {
                text.AppendLine(line.Data);
            }
        }

        string Text()
        {
            lock (text)
            {
                return text.ToString();
            }
        }
    }
}
