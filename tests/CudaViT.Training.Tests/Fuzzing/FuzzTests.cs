using System.Diagnostics;
using System.Globalization;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Export;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Checkpoints.Torch;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;
using Xunit.Sdk;

namespace CudaViT.Training.Tests.Fuzzing;

/// <summary>
/// Damaged files of every kind: each either loads or ends in a typed error, soon, without much memory, and without a
/// file outside the folder that it was given.
/// </summary>
/// <remarks>
/// CUDAVIT_FUZZ sets the number of files per case, for long runs: <c>CUDAVIT_FUZZ=10000 dotnet
/// CudaViT.Training.Tests.dll -name FuzzTests</c>. CUDAVIT_FUZZ_SEED sets the first seed; a failure names its own.
/// </remarks>
public sealed class FuzzTests : IDisposable
{
    private const int FilesPerRun = 300;

    // Of files of some 100,000 bytes: what a header that lies about sizes would ask for is far above.
    private const long MaxAllocation = 64 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    internal static int FirstSeed => Setting("CUDAVIT_FUZZ_SEED", 0);

    internal static int Count => Setting("CUDAVIT_FUZZ", FilesPerRun);

    public static TheoryData<string> TorchFiles => FilesIn(".pth.tar");

    public static TheoryData<string> SafetensorsFiles => FilesIn(".safetensors");

    [Theory, MemberData(nameof(TorchFiles))]
    public void Pickles(string name) => Fuzz(name, path =>
    {
        using TorchFile file = TorchFile.Open(path);
        ReadAll(file, file.Root, depth: 0);
    });

    [Theory, MemberData(nameof(SafetensorsFiles))]
    public void Safetensors(string name) => Fuzz(name, path =>
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            file.ReadBytes(tensor.Name);
        }
    });

    // Everything that import does with a file, whichever form it takes it for.
    [Theory, MemberData(nameof(TorchFiles))]
    public void Imports(string name) => Fuzz(name, path =>
        CheckpointImport.Run(path, _folder["imported"], new ImportRequest(Heads: 2)));

    // What training scripts keep beside the weights, and views of every kind: none of it in the recorded files.
    [Fact]
    public void Objects()
    {
        var storages = new Dictionary<string, byte[]> { ["few"] = new byte[64], ["other"] = new byte[16] };
        byte[] whole = PickleWriter.Checkpoint(
            "model",
            [("blocks.0._orig_mod.norm1.weight", [4], new byte[16]), ("blocks.2.ls1.gamma", [2], new byte[8])],
            pickle => pickle
                .Text("args").Global("argparse", "Namespace").Op(")\u0081}").Text("lr").Op("K\u0001sb")
                .Text("seen").Op("\u008f(K\u0001C\u0002ab\u0090").Text("old").Op("(K\u0001imy\nOld\n")
                .Op("N").Op("K\u0002").Op("G\0\0\0\0\0\0\0\0").Text("odd")
                .Text("norm.bias").View("few", 16, 3, [4, 2], [1, 4])
                .Text("norm.weight").View("few", 16, 15, [1000], [0])
                .Text("ids").Tensor("other", [2], "ComplexFloatStorage"),
            storages);
        Fuzz(whole, "objects", path =>
        {
            using TorchFile file = TorchFile.Open(path);
            ReadAll(file, file.Root, depth: 0);
            CheckpointImport.Run(path, _folder["imported"], new ImportRequest(Heads: 2));
        });
    }

    // A file of our own says what model it holds; damaged, it may say anything.
    [Theory]
    [InlineData("grid")]
    [InlineData("stem")]
    public void Models(string what)
    {
        using TestRun run = Backends.Open("cpu");
        var model = new ModelSettings
        {
            ImageSize = 16,
            Patch = what == "stem" ? 16 : 8,
            Stem = what == "stem" ? Stem.Convolution : Stem.Patch,
            Width = 8,
            Depth = 2,
            Heads = 2,
            HeadHidden = 4,
            HeadOutput = 4,
        };
        byte[] whole = File.ReadAllBytes(ModelFile.Write(_folder["damaged"], run.Backend, model));
        Fuzz(whole, what, path =>
        {
            using var scope = new StepScope();
            TrainedModel.Open(path, run.Backend);
            CheckpointExport.WriteSafetensors(path, _folder["exported"], ExportPart.All);
            CheckpointExport.WriteOnnx(path, _folder["exported"]);
            CheckpointImport.Run(path, _folder["imported"], new ImportRequest());
        });
        Fuzz(whole, $"{what}, to begin with", path =>
        {
            using var scope = new StepScope();
            var begun = new MoCoV3(InitialWeights.Model(path, TinyRun.Settings.Model), temperature: 1);
            begun.Initialize(run.Backend, DType.F32, seed: 1);
            InitialWeights.Load(new InitSettings { Path = path }, begun, run.Backend);
        });
    }

    /// <summary>Says how a long run ended.</summary>
    internal static void Tell(string name, int loaded, TimeSpan elapsed)
    {
        if (Count > FilesPerRun)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"{name}: {loaded} loaded, {Count - loaded} refused, {elapsed.TotalSeconds:f0} s"));
        }
    }

    private static TheoryData<string> FilesIn(string ending) =>
    [
        .. Directory.GetFiles(TestKit.Fixtures.File("checkpoint"), $"*{ending}")
            .Select(path => Path.GetFileName(path)).Order(),
    ];

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;

    private static void ReadAll(TorchFile file, object? value, int depth)
    {
        IEnumerable<object?> items = value switch
        {
            PickleDict dict => dict.Select(pair => pair.Value),
            List<object?> list => list,
            PickleTuple tuple => tuple.Items,
            _ => [],
        };
        if (value is TorchTensor tensor)
        {
            file.CopyTo(tensor, _ => { });
        }
        else if (depth < 4) // what a checkpoint has; a damaged one may hold itself
        {
            foreach (object? item in items)
            {
                ReadAll(file, item, depth + 1);
            }
        }
    }

    private void Fuzz(string name, Action<string> read) =>
        Fuzz(File.ReadAllBytes(TestKit.Fixtures.File("checkpoint", name)), name, read);

    private void Fuzz(byte[] whole, string name, Action<string> read)
    {
        (int first, int count) = (FirstSeed, Count);
        int loaded = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int seed = first; seed < first + count; seed++)
        {
            string path = _folder.Write("damaged", Mutator.Mutate(whole, seed));
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            try
            {
                read(path);
                loaded++;
            }
            catch (InputException e)
            {
                Assert.StartsWith(path, e.Message); // what follows may quote the file, line breaks and all
            }
            catch (Exception e)
            {
                throw new XunitException($"{name}, seed {seed}: {e}");
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(allocated < MaxAllocation, $"{name}, seed {seed}: {allocated} bytes were allocated");
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"{name}, seed {seed}: took too long");
        }

        Tell(name, loaded, Stopwatch.GetElapsedTime(begin));
        string[] files = Directory.GetFileSystemEntries(_folder.Path);
        Assert.Empty(files.Select(Path.GetFileName).Except(["damaged", "imported", "exported"]));
        Assert.NotEqual(count, loaded);
    }
}
