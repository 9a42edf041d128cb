using System.Text.Json.Nodes;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>On this machine, whatever it has: the answers may be yes or no, but they are always there.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    private static readonly string[] Names =
    [
        "GPU", "driver", "NVRTC", "cuBLASLt", "NVTX", "C++ compiler", "disassembler", "kernel cache", "libturbojpeg",
        "libpng16",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Everything_is_listed_with_what_it_is_for()
    {
        (int status, string output, string error) = CommandRunner.Run("doctor");
        Assert.Equal((0, ""), (status, error));
        string[] lines = output.TrimEnd().Split('\n');
        Assert.Equal(Names, lines.Where(line => line[0] != ' ').SkipLast(1).Select(line => line[..13].TrimEnd()));
        Assert.StartsWith("--device can be cpu", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_gets_versions_paths_and_reasons()
    {
        (int status, string output, string error) = CommandRunner.Run("doctor", "--json");
        Assert.Equal((0, ""), (status, error));
        JsonObject report = JsonNode.Parse(output)!.AsObject();
        Assert.Equal("cpu", (string)report["devices"]![0]!);
        JsonArray checks = report["checks"]!.AsArray();
        Assert.Equal(Names, checks.Select(check => (string)check!["name"]!));
        Assert.All(checks, check =>
        {
            Assert.NotEmpty((string)check!["enables"]!);
            Assert.Equal((bool)check["found"]!, check["problem"] is null);
            Assert.True(!(bool)check["found"]! || check["tried"]!.AsArray().Count == 0);
        });
    }

    // No driver, no libraries, no compiler, no place to write: it still answers, and says that cpu works.
    [Fact]
    public void A_machine_with_nothing_is_no_error()
    {
        _folder.Write("file", []);
        var environment = new Dictionary<string, string?>
        {
            ["PATH"] = "/nowhere",
            ["CXX"] = null,
            ["CUDAVIT_CUDA_LIB"] = null,
            ["CUDA_PATH"] = null,
            ["CUDA_HOME"] = null,
            ["CONDA_PREFIX"] = null,
            ["VIRTUAL_ENV"] = null,
            ["HOME"] = "/nowhere",
            ["LD_LIBRARY_PATH"] = null,
            ["CUDAVIT_CACHE"] = _folder["file", "cache"],
        };
        (int status, string output, string error) = CliProcess.Run(environment, "doctor", "--json");
        Assert.Equal((0, ""), (status, error));
        JsonArray checks = JsonNode.Parse(output)!["checks"]!.AsArray();
        JsonNode compiler = checks.Single(check => (string)check!["name"]! == "C++ compiler")!;
        Assert.Contains("g++", (string)compiler["problem"]!, StringComparison.Ordinal);
        JsonNode cache = checks.Single(check => (string)check!["name"]! == "kernel cache")!;
        Assert.Contains("CUDAVIT_CACHE", (string)cache["problem"]!, StringComparison.Ordinal);
    }
}
