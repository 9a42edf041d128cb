// Steps of building and checking the project: `dotnet run tools/build.cs -- VERB [ARGUMENT...]`.
// build.ps1 hands its arguments on to here, and continuous integration runs the verb `ci`.

#:property PublishAot=false

using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Xml.Linq;

Directory.SetCurrentDirectory(RepositoryRoot());
string verb = args.Length > 0 ? args[0] : "help";
string[] rest = args.Length > 1 ? args[1..] : [];
try
{
    return verb switch
    {
        "build" => Dotnet(["build", "-c", "Release", .. rest]),
        "test" => Test(rest, out Tally tally) + Print(tally),
        "format" => Dotnet(["format", "CudaViT.sln", .. rest]),
        "bench" => Dotnet(["run", "-c", "Release", "--project", "tools/CudaViT.Benchmarks", "--", .. rest]),
        "pack" => Dotnet(["publish", "src/CudaViT.Cli", "-c", "Release", "-o", "artifacts/cudavit", .. rest]),
        "ci" => ContinuousIntegration(),
        "help" or "--help" or "-h" => Help(Console.Out, status: 0),
        _ => Help(Console.Error, status: 2),
    };
}
catch (StepFailedException failure)
{
    Console.Error.WriteLine($"build: {failure.Message}");
    return 1;
}

static int Help(TextWriter output, int status)
{
    output.WriteLine("""
        usage: dotnet run tools/build.cs -- VERB [ARGUMENT...]     (or: ./build.ps1 VERB [ARGUMENT...])
          build    build everything in Release; warnings are errors
          test     run all tests and add up their results; arguments go to `dotnet test`
          format   apply the code style; with --verify-no-changes only check it
          bench    run the benchmarks; arguments say which (see tools/CudaViT.Benchmarks/README.md)
          pack     publish the command line program to artifacts/cudavit
          ci       test, check the style, and train for a moment: what a change must pass; on Linux it
                   first fetches NVRTC into artifacts/nvrtc, and installs g++ where there is no C++ compiler,
                   to test the kernels without a GPU, and libjpeg-turbo and libpng where they are missing, to
                   test image files
        """);
    return status;
}

// Each step runs even if one before it failed, so that one run tells everything.
static int ContinuousIntegration()
{
    int failures = OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64
        ? PrepareForKernels()
        : 0;
    failures += OperatingSystem.IsLinux() ? PrepareForImages() : 0;
    PrepareForExports();
    failures += Test([], out Tally tally);
    failures += Step("code style", () => Dotnet(["format", "CudaViT.sln", "--verify-no-changes"]));
    failures += Step("quick start, shortened", QuickStart);
    Print(tally);
    return failures == 0 ? 0 : 1;
}

// What testing kernels needs on a machine without a GPU: a C++ compiler for the emulator, and NVRTC.
static int PrepareForKernels()
{
    string[] compilers = [Environment.GetEnvironmentVariable("CXX") ?? "", "g++", "clang++"];
    int failures = Array.Exists(compilers, compiler => compiler.Length > 0 && CanStart(compiler))
        ? 0
        : Step("C++ compiler", () => Run("apt-get", ["update", "-q"]) | Run("apt-get", ["install", "-q", "-y", "g++"]));
    Environment.SetEnvironmentVariable("CUDAVIT_REQUIRE_EMULATOR", "1");

    // What the caller names comes first. Where NVRTC cannot be had, the tests that need it are skipped with that
    // reason, or fail if CUDAVIT_REQUIRE_NVRTC is 1: it is no failure of this step.
    string nvrtc = Path.GetFullPath("artifacts/nvrtc");
    if (Step("NVRTC", () => Run("sh", ["tools/get-nvrtc.sh", nvrtc])) == 0)
    {
        string? named = Environment.GetEnvironmentVariable("CUDAVIT_CUDA_LIB");
        Environment.SetEnvironmentVariable(
            "CUDAVIT_CUDA_LIB", string.IsNullOrEmpty(named) ? nvrtc : $"{named}:{nvrtc}");
    }

    return failures;
}

// What reading image files needs: libjpeg-turbo and libpng.
static int PrepareForImages()
{
    (string File, string Package)[] libraries =
        [("libturbojpeg.so.0", "libturbojpeg0"), ("libpng16.so.16", "libpng16-16")];
    string[] missing =
        [.. libraries.Where(library => !NativeLibrary.TryLoad(library.File, out _)).Select(library => library.Package)];
    Environment.SetEnvironmentVariable("CUDAVIT_REQUIRE_IMAGES", "1");
    return missing.Length == 0
        ? 0
        : Step("image libraries", () =>
            Run("apt-get", ["update", "-q"]) | Run("apt-get", ["install", "-q", "-y", .. missing]));
}

// onnxruntime, which runs what `cudavit export` writes. Where Node.js or the package is not to be had, its tests are
// skipped.
static void PrepareForExports()
{
    if (CanStart("npm"))
    {
        Step("onnxruntime", () => Run(
            "npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", "tests/interop"]));
    }
}

// The README's own command, with its results written to files as well.
static int Test(string[] arguments, out Tally tally)
{
    string results = Path.GetFullPath("artifacts/test-results");
    if (Directory.Exists(results))
    {
        Directory.Delete(results, recursive: true);
    }

    int status = Step("tests", () => Dotnet(
        ["test", "-c", "Release", "--logger", "trx", "--results-directory", results, .. arguments]));
    tally = Tally.Read(results);
    return status != 0 || tally.Failed > 0 || tally.Passed == 0 ? 1 : 0;
}

static int Print(Tally tally)
{
    Console.WriteLine($"{tally.Passed} passed, {tally.Failed} failed, {tally.Skipped} skipped");
    return 0;
}

// The README's first command on fewer images: a real training run from the embedded data to the final checkpoint.
static int QuickStart()
{
    string run = Path.GetFullPath("artifacts/quick-start");
    if (Directory.Exists(run))
    {
        Directory.Delete(run, recursive: true);
    }

    int status = Dotnet(
        [
            "run", "-c", "Release", "--project", "src/CudaViT.Cli", "--",
            "train", "--epochs", "1", "--limit", "1024", "--out", run,
        ]);
    return status == 0 && !File.Exists(Path.Combine(run, "final.safetensors"))
        ? throw new StepFailedException($"the quick start ended well but left no final.safetensors in {run}")
        : status;
}

static int Step(string name, Func<int> run)
{
    Console.WriteLine($"== {name}");
    var clock = Stopwatch.StartNew();
    int status = run();
    Console.WriteLine(
        $"== {name}: {(status == 0 ? "ok" : $"failed with status {status}")}, {clock.Elapsed.TotalSeconds:f0} s");
    return status == 0 ? 0 : 1;
}

static int Dotnet(string[] arguments) => Run("dotnet", arguments);

static int Run(string program, string[] arguments)
{
    try
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        return process.ExitCode;
    }
    catch (Win32Exception error)
    {
        Console.Error.WriteLine($"build: {program} could not be started: {error.Message}");
        return 127; // as a shell would
    }
}

static bool CanStart(string program)
{
    try
    {
        var start = new ProcessStartInfo(program, ["--version"]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
    catch (Win32Exception)
    {
        return false;
    }
}

static string RepositoryRoot([CallerFilePath] string thisFile = "") =>
    Path.GetDirectoryName(Path.GetDirectoryName(thisFile))
    ?? throw new StepFailedException($"{thisFile} has no folder above its own");

/// <summary>Test results added up over all result files.</summary>
internal sealed record Tally(int Passed, int Failed, int Skipped)
{
    public static Tally Read(string folder)
    {
        var sum = new Tally(0, 0, 0);
        foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder, "*.trx") : [])
        {
            XElement counters = XDocument.Load(file).Descendants().First(
                element => element.Name.LocalName == "Counters");
            int total = Count(counters, "total");
            int executed = Count(counters, "executed");
            int passed = Count(counters, "passed");
            sum = new Tally(sum.Passed + passed, sum.Failed + executed - passed, sum.Skipped + total - executed);
        }

        return sum;
    }

    private static int Count(XElement counters, string name) => (int?)counters.Attribute(name) ?? 0;
}

/// <summary>A step cannot go on.</summary>
internal sealed class StepFailedException(string message) : Exception(message);
