using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace CudaViT.Training.Tests.Support;

/// <summary>The real program in a process of its own.</summary>
internal sealed class CliProcess : IDisposable
{
    // A process that hangs fails its test instead of the whole run.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly StringBuilder _said = new();
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private CliProcess(Process process)
    {
        _process = process;
        _output = ReadAsync(process.StandardOutput);
        _error = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The words that start <c>cudavit</c>.</summary>
    public static string[] Command(params string[] args) =>
        [Host(), Path.Combine(AppContext.BaseDirectory, "cudavit.dll"), .. args];

    /// <summary>Starts <c>cudavit</c>.</summary>
    public static CliProcess Start(params string[] args) => Start(new Dictionary<string, string?>(), args);

    /// <summary>Starts <c>cudavit</c> with environment variables changed; null removes one.</summary>
    public static CliProcess Start(IReadOnlyDictionary<string, string?> environment, params string[] args)
    {
        string[] command = Command(args);
        if (OperatingSystem.IsLinux())
        {
            // Tests that a shell started in the background inherit an ignored SIGINT, and so would the program.
            command = ["env", "--default-signal=INT,TERM", .. command];
        }

        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("CUDAVIT_DEBUG");
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        return new CliProcess(Process.Start(start)!);
    }

    /// <summary>Runs <c>cudavit</c> to its end.</summary>
    public static (int Status, string Output, string Error) Run(params string[] args)
    {
        using CliProcess process = Start(args);
        return process.Finish();
    }

    /// <summary>Runs <c>cudavit</c> to its end, with environment variables changed; null removes one.</summary>
    public static (int Status, string Output, string Error) Run(
        IReadOnlyDictionary<string, string?> environment, params string[] args)
    {
        using CliProcess process = Start(environment, args);
        return process.Finish();
    }

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Ends it at once, as the kernel ends a process when memory runs out: SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Asks it to end, as a cluster's scheduler or Ctrl-C does.</summary>
    /// <param name="signal">TERM or INT.</param>
    public void Signal(string signal)
    {
        string id = _process.Id.ToString(CultureInfo.InvariantCulture);
        using Process kill = Process.Start("sh", ["-c", $"kill -{signal} {id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits until its output has a text in it.</summary>
    /// <exception cref="TimeoutException">It ended, or minutes passed, without.</exception>
    public void WaitFor(string text)
    {
        long start = Stopwatch.GetTimestamp();
        while (!Said().Contains(text, StringComparison.Ordinal))
        {
            if (_output.IsCompleted || Stopwatch.GetElapsedTime(start) > Patience)
            {
                throw new TimeoutException($"cudavit did not say '{text}'. It said: {Said()}");
            }

            Thread.Sleep(5);
        }
    }

    /// <summary>Waits for its end.</summary>
    public (int Status, string Output, string Error) Finish()
    {
        if (!_process.WaitForExit(Patience))
        {
            Kill();
            throw new TimeoutException($"cudavit did not end. It said: {_output.Result}{_error.Result}");
        }

        return (_process.ExitCode, _output.Result, _error.Result);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private string Said()
    {
        lock (_said)
        {
            return _said.ToString();
        }
    }

    private async Task<string> ReadAsync(StreamReader reader)
    {
        char[] buffer = new char[4096];
        int count;
        while ((count = await reader.ReadAsync(buffer)) > 0)
        {
            lock (_said)
            {
                _said.Append(buffer, 0, count);
            }
        }

        return Said();
    }

    // By its full path, for a test may leave no PATH.
    private static string Host()
    {
        string? self = Environment.ProcessPath;
        return Path.GetFileNameWithoutExtension(self) == "dotnet"
            ? self!
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, "dotnet")).FirstOrDefault(File.Exists) ?? "dotnet";
    }
}
