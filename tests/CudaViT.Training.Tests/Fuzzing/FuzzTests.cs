using System.Diagnostics;
using System.Globalization;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Checkpoints.Torch;
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

    private void Fuzz(string name, Action<string> read)
    {
        byte[] whole = File.ReadAllBytes(TestKit.Fixtures.File("checkpoint", name));
        int first = Setting("CUDAVIT_FUZZ_SEED", 0);
        int count = Setting("CUDAVIT_FUZZ", FilesPerRun);
        int loaded = 0;
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
                Assert.DoesNotContain('\n', e.Message);
            }
            catch (Exception e)
            {
                throw new XunitException($"{name}, seed {seed}: {e}");
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(allocated < MaxAllocation, $"{name}, seed {seed}: {allocated} bytes were allocated");
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"{name}, seed {seed}: took too long");
        }

        string[] files = Directory.GetFileSystemEntries(_folder.Path);
        Assert.Empty(files.Select(Path.GetFileName).Except(["damaged", "imported"]));
        Assert.NotEqual(count, loaded);
    }
}
