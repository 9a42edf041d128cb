using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.Emulator;

/// <summary>A C++ compiler of this machine.</summary>
internal sealed partial class HostCompiler
{
    public const int OldestGcc = 11;
    public const int OldestClang = 15;

    private static readonly ConcurrentDictionary<string, HostCompiler?> Known = new(StringComparer.Ordinal);

    private HostCompiler(string path, string version) => (Path, Version) = (path, version);

    /// <summary>Program to start.</summary>
    public string Path { get; }

    /// <summary>First line of what it says about its version; part of the name of everything it compiles.</summary>
    public string Version { get; }

    /// <summary>Whether it is clang, whose options differ here and there.</summary>
    public bool IsClang => Version.Contains("clang", StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds a compiler; null if there is none, or none new enough.</summary>
    /// <param name="wanted">Path or name; null for CXX, g++ or clang++.</param>
    public static HostCompiler? Find(string? wanted)
    {
        string?[] candidates = wanted is not null
            ? [wanted]
            : [Environment.GetEnvironmentVariable("CXX"), "g++", "clang++"];
        return candidates.Where(candidate => !string.IsNullOrWhiteSpace(candidate))
            .Select(candidate => Known.GetOrAdd(candidate!, Ask))
            .FirstOrDefault(found => found is not null);
    }

    /// <summary>Compiles.</summary>
    /// <returns>Whether it succeeded, and everything it printed.</returns>
    public (bool Succeeded, string Log) Run(string directory, IEnumerable<string> arguments) =>
        Start(Path, arguments, directory) is { } result
            ? (result.Status == 0, result.Output)
            : (false, $"{Path} could not be started");

    /// <summary>Starts a program and collects what it prints.</summary>
    internal static (int Status, string Output)? Start(
        string program, IEnumerable<string> arguments, string? directory = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
        };
        start.Environment["LC_ALL"] = "C"; // messages are read by people and by searches alike
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return (process.ExitCode, output);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    // The first g++ with __builtin_bit_cast, the first clang++ that has copies of structures checked.
    private static HostCompiler? Ask(string candidate)
    {
        if (Start(candidate, ["--version"]) is not (0, string output))
        {
            return null;
        }

        var found = new HostCompiler(candidate, output.Split('\n')[0].Trim());
        return int.TryParse(MajorPattern().Match(found.Version).Value, CultureInfo.InvariantCulture, out int major)
            && major >= (found.IsClang ? OldestClang : OldestGcc)
            ? found
            : null;
    }

    [GeneratedRegex(@"\d+(?=\.\d)")]
    private static partial Regex MajorPattern();
}
