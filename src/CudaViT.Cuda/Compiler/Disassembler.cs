using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>
/// Shows the instructions of a compiled kernel, with the vendor's nvdisasm. Optional: it comes with a CUDA toolkit.
/// </summary>
public sealed partial class Disassembler
{
    private Disassembler(string path, Version? version) => (Path, Version) = (path, version);

    /// <summary>The program.</summary>
    public string Path { get; }

    /// <summary>Version of the toolkit that it belongs to; null if it does not say.</summary>
    public Version? Version { get; }

    /// <summary>
    /// Finds nvdisasm: in <c>bin</c> below the folders of CUDAVIT_CUDA_LIB and in those themselves, in the toolkit that
    /// CUDA_PATH or CUDA_HOME names, on PATH, in the toolkits below /usr/local and /opt, in conda's.
    /// </summary>
    /// <param name="tried">Where it was looked for; the folders of PATH count as one place.</param>
    /// <returns>Null where there is none.</returns>
    public static Disassembler? Find(out IReadOnlyList<string> tried)
    {
        var host = new LibraryHost();
        (string Place, string Path)[] candidates = [.. Candidates(host)];
        tried = [.. candidates.Select(candidate => candidate.Place).Distinct()];
        string? path = candidates.Select(candidate => candidate.Path).FirstOrDefault(host.FileExists);
        return path is not null && Run(path, ["--version"]) is (0, string banner, _)
            ? new Disassembler(path, VersionPattern().Match(banner) is { Success: true } version
                ? Version.Parse(version.Groups[1].ValueSpan)
                : null)
            : null;
    }

    /// <summary>The instructions of a kernel, with the lines of the source they come from.</summary>
    /// <param name="compiled">Compiled for a real architecture, such as sm_90a.</param>
    /// <param name="entry">The kernel.</param>
    /// <exception cref="GpuException">The disassembler fails; the message has what it printed.</exception>
    public string Disassemble(CompiledKernels compiled, string entry)
    {
        ArgumentNullException.ThrowIfNull(compiled);
        string file = System.IO.Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, compiled.Image);
            (int status, string output, string error) = Run(Path, ["--print-code", "--print-line-info", file])
                ?? throw new GpuException($"{Path} could not be started.");
            return status == 0
                ? Section(output, entry)
                : throw new GpuException($"{Path} failed with status {status}: {(error + output).Trim()}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal static IEnumerable<(string Place, string Path)> Candidates(ILibraryHost host)
    {
        var paths = new HostPaths(host);
        string name = host.IsWindows ? "nvdisasm.exe" : "nvdisasm";
        IEnumerable<string> own = paths.ListIn(CudaLibraries.SettingVariable)
            .SelectMany(folder => new[] { paths.Join(folder, "bin"), folder });
        IEnumerable<string> installed = host.IsWindows ? [] : LibraryPlaces.InstalledToolkits(host);
        string[] conda = host.Variable("CONDA_PREFIX") is { Length: > 0 } root
            ? [host.IsWindows ? paths.Join(root, "Library", "bin") : paths.Join(root, "bin")]
            : [];
        return
        [
            .. own.Select(Named),
            .. LibraryPlaces.ToolkitRoots(host).Select(toolkit => Named(paths.Join(toolkit, "bin"))),
            .. paths.ListIn("PATH").Select(folder => ("PATH", paths.Join(folder, name))),
            .. installed.Select(toolkit => Named(paths.Join(toolkit, "bin"))),
            .. conda.Select(Named),
        ];

        (string Place, string Path) Named(string folder) => (folder, paths.Join(folder, name));
    }

    // One section for each kernel, under a line of dashes that names it.
    internal static string Section(string listing, string entry)
    {
        var section = new StringBuilder();
        bool isInside = false;
        foreach (string line in listing.Split('\n'))
        {
            if (line.StartsWith("//-----", StringComparison.Ordinal))
            {
                isInside = line.Contains($" .text.{entry} ", StringComparison.Ordinal);
            }
            else if (isInside)
            {
                section.Append(line.TrimEnd()).Append('\n');
            }
        }

        return section.Length > 0
            ? section.ToString().TrimEnd() + "\n"
            : throw new GpuException($"The disassembler's output has no section for {entry}.");
    }

    private static (int Status, string Output, string Error)? Run(string program, string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex("release ([0-9]+[.][0-9]+)")]
    private static partial Regex VersionPattern();
}
