using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CudaViT.GpuVerify;

// What has to hold on a real GPU, in one command and within eight minutes. `tools/gpu-verify` publishes what this runs.
const string Usage = """
    usage: gpu-verify [--out DIR] [--quick] [--programs DIR]
      Runs the whole verification on the first GPU and writes DIR/verify.json and DIR/verify.log (default: artifacts/gpu).
      --quick          leave out compute-sanitizer and the long training comparison
      --programs DIR   where the published programs are (default: beside this one)
    """;

string output = Path.Combine("artifacts", "gpu");
string programs = AppContext.BaseDirectory;
bool quick = false;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--out" when i + 1 < args.Length: output = args[++i]; break;
        case "--programs" when i + 1 < args.Length: programs = args[++i]; break;
        case "--quick": quick = true; break;
        case "--help" or "-h": Console.WriteLine(Usage); return 0;
        default: Console.Error.WriteLine($"gpu-verify: '{args[i]}' is unknown\n{Usage}"); return 2;
    }
}

const string Cli = "cudavit";
const string OnCuda = "backend: \"cuda\"";
const string Training = "200 steps, runs, same bits";
const string OnCudaDevice = "device: \"cuda\"";
string work = Directory.CreateTempSubdirectory("gpu-verify-").FullName;
string[] run = ["train", "--device", "cuda", "--epochs", "1", "--limit", "512", "--batch", "64"];
VerifyStep[] steps =
[
    new("doctor", Cli, ["doctor"], Seconds(60)) { Expected = "or cuda" },
    new("ptx helpers", "CudaViT.Emulator.Tests", ["-name", OnCudaDevice, "-serial"], Seconds(60)),
    new("operators", "CudaViT.Backend.Tests", ["-name", OnCuda, "-notrait", "Category=Fixtures"], Seconds(240)),
    new("operator fixtures", "CudaViT.Backend.Tests", ["-name", OnCuda, "-trait", "Category=Fixtures"], Seconds(60)),
    new("gradient checks", Cli, ["gradcheck", "--device", "cuda"], Seconds(90)),
    new("model fixtures", "CudaViT.Training.Tests", ["-name", OnCuda, "-trait", "Category=Fixtures"], Seconds(90)),
    new(
        Training, "CudaViT.Training.Tests",
        ["-name", OnCuda, "-notrait", "Category=Fixtures", "-notrait", "Category=GradCheck"], Seconds(240)),
    new("training run", Cli, [.. run, "--out", Path.Combine(work, "run")], Seconds(60)),
    new("kernel resources", Cli, ["kernels"], Seconds(90)),
    new("memcheck", Cli, [.. run, "--augment", "cuda", "--out", Path.Combine(work, "memcheck")], Seconds(120))
    {
        Wrapper = ["compute-sanitizer", "--tool", "memcheck", "--error-exitcode", "9"], Expected = "ERROR SUMMARY: 0 errors",
    },
    new("racecheck", Cli, ["gradcheck", "--device", "cuda", "Attention", "LayerNorm", "InfoNce", "BatchNorm"], Seconds(120))
    {
        Wrapper = ["compute-sanitizer", "--tool", "racecheck", "--error-exitcode", "9"], Expected = "RACECHECK SUMMARY: 0 hazards",
    },
];

Directory.CreateDirectory(output);
List<StepResult> results = [];
using (var log = new StreamWriter(Path.Combine(output, "verify.log")))
{
    var runner = new StepRunner(programs, log, budget: TimeSpan.FromMinutes(8));
    foreach (VerifyStep step in steps.Where(step => !quick || (step.Wrapper.Length == 0 && step.Name != Training)))
    {
        results.Add(runner.Run(step));
    }
}

string commit = Path.Combine(programs, "commit.txt");
int failures = results.Count(result => result.Verdict is Verdict.Failed or Verdict.TimedOut);
var report = new
{
    Date = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
    Commit = File.Exists(commit) ? File.ReadAllText(commit).Trim() : null,
    Machine = StepRunner.Json(programs, Cli, "doctor", "--json"),
    Passed = failures == 0,
    Steps = results,
};
JsonSerializerOptions json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };
File.WriteAllText(Path.Combine(output, "verify.json"), JsonSerializer.Serialize(report, json));
Directory.Delete(work, recursive: true);
Console.WriteLine(failures == 0
    ? $"everything holds; see {output}/verify.log"
    : $"{failures} of {results.Count} steps failed; see {output}/verify.log");
return failures == 0 ? 0 : 1;

static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
