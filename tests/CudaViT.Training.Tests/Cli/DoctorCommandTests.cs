using System.Text.Json.Nodes;
using CudaViT.Cli.Doctor;
using CudaViT.Core;
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
        int checks = Array.FindIndex(lines, line => line.StartsWith("GPU", StringComparison.Ordinal));
        Assert.Equal(
            Names,
            lines[checks..].TakeWhile(line => line.Length > 0).Where(line => line[0] != ' ')
                .Select(line => line[..13].TrimEnd()));
    }

    [Fact]
    public void It_begins_with_a_verdict_for_every_device_and_ends_with_what_to_type()
    {
        (_, string output, _) = CommandRunner.Run("doctor");
        (_, string json, _) = CommandRunner.Run("doctor", "--json");
        string[] lines = output.TrimEnd().Split('\n');
        JsonNode report = JsonNode.Parse(json)!;

        JsonNode[] verdicts = [.. report["verdicts"]!.AsArray().OfType<JsonNode>()];
        Assert.Equal(
            CudaViT.Cli.Devices.Names.Where(name => name != CudaViT.Cli.Devices.Auto).Order(),
            verdicts.Select(verdict => (string)verdict["device"]!).Order());
        foreach ((JsonNode verdict, string line) in verdicts.Zip(lines))
        {
            string answer = (bool)verdict["works"]! ? "works:" : "does not work:";
            Assert.Equal($"--device {(string)verdict["device"]!,-16} {answer,-15} {(string)verdict["text"]!}", line);
        }

        Assert.Equal("--device auto             is              " + AutoDevice(), lines[verdicts.Length]);
        string[] commands = [.. report["checks"]!.AsArray()
            .Where(check => (string?)check!["command"] is not null)
            .Select(check => $"  {(string)check!["name"]!,-13} {(string)check["command"]!}")];
        int heading = Array.IndexOf(lines, "To type for what is missing:");
        Assert.Equal(commands, lines[(heading + 1)..].Where(line => heading > 0 && line[2] != '(').ToArray());
    }

    [Theory]
    [InlineData("ID=debian", PackageManager.Apt)]
    [InlineData("NAME=\"Pop!\"\nID=pop\nID_LIKE=\"ubuntu debian\"", PackageManager.Apt)]
    [InlineData("ID_LIKE=\"rhel centos fedora\"\nID=\"rocky\"", PackageManager.Dnf)]
    [InlineData("ID=manjaro\nID_LIKE=arch", PackageManager.Pacman)]
    [InlineData("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"", PackageManager.Zypper)]
    [InlineData("ID=alpine", PackageManager.Apk)]
    [InlineData("ID=something", PackageManager.None)]
    [InlineData("", PackageManager.None)]
    public void A_Linux_is_known_by_what_it_says_it_is_made_of(string system, object manager) =>
        Assert.Equal(manager, Machine.ManagerOf(system));

    [Fact]
    public void Commands_are_those_of_the_machine()
    {
        var debian = new Machine { Manager = PackageManager.Apt };

        Assert.Equal("sudo apt-get install g++", Remedies.For("C++ compiler", debian));
        Assert.Equal("apt-get install g++", Remedies.For("C++ compiler", debian with { IsPrivileged = true }));
        Assert.Equal(
            "sudo apt-get update && sudo apt-get install libturbojpeg0",
            Remedies.For("libturbojpeg", debian with { NeedsUpdate = true }));
        Assert.Equal(
            "sudo apt-get install libturbojpeg", Remedies.For("libturbojpeg", debian with { IsUbuntu = true }));
        Assert.Equal("brew install libpng", Remedies.For("libpng16", new Machine { Manager = PackageManager.Brew }));
        Assert.Equal("pip install nvidia-cublas-cu12", Remedies.For("cuBLASLt", debian));
        Assert.Equal(
            "conda install -c nvidia cuda-nvrtc", Remedies.For("NVRTC", debian with { IsConda = true }));
        Assert.Equal(
            "sh tools/get-nvrtc.sh artifacts/nvrtc && export CUDAVIT_CUDA_LIB=\"$PWD/artifacts/nvrtc\"",
            Remedies.For("NVRTC", debian with { NvrtcScript = "tools/get-nvrtc.sh" }));
        Assert.Equal("docker run --gpus all IMAGE", Remedies.For("driver", debian with { IsContainer = true }));
        Assert.Null(Remedies.For("C++ compiler", new Machine { Manager = PackageManager.None }));
    }

    // Where there is nothing that a driver could drive, nothing is gained by installing one.
    [Fact]
    public void What_needs_a_GPU_is_not_installed_where_there_is_none()
    {
        var machine = new Machine { Manager = PackageManager.Apt, HasNvidiaDevice = false };

        Assert.Equal(
            ["GPU", "driver", "cuBLASLt", "NVTX"],
            Names.Where(name => Remedies.For(name, machine) is null));
        const string Command = "sudo apt-get install nvidia-driver";
        Assert.Equal(Command, Remedies.For("driver", machine with { HasNvidiaDevice = true }));
        Assert.Equal(Command, Remedies.For("GPU", machine with { HasNvidiaDevice = null }));
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
        Assert.StartsWith("export CUDAVIT_CACHE=", (string)cache["command"]!, StringComparison.Ordinal);
    }

    private static string AutoDevice()
    {
        using IBackend backend = CudaViT.Cli.Devices.Open(CudaViT.Cli.Devices.Auto, null, null);
        return backend.Name;
    }
}
