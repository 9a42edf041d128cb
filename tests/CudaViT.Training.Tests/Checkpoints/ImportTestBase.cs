using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

/// <summary>A small encoder, ways to write it as others do, and what importing it must come to.</summary>
public abstract class ImportTestBase : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    protected static ModelSettings SmallSettings { get; } = new()
    {
        ImageSize = 8,
        Patch = 4,
        Width = 8,
        Depth = 2,
        Heads = 2,
        Position = PositionTable.Learned,
        HeadHidden = 4,
    };

    private protected TemporaryFolder Folder => _folder;

    private protected TestRun Run { get; } = Backends.Open("cpu");

    public void Dispose()
    {
        Run.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    protected static IEnumerable<(string Name, IReadOnlyList<long> Shape, byte[] Data)> Entries(Encoder encoder) =>
        encoder.BackboneState().Select(Entry);

    protected static (string Name, IReadOnlyList<long> Shape, byte[] Data) Entry(NamedArray named) => (
        named.Name,
        [.. named.Array.Shape.Select(size => (long)size)],
        named.Array.DType == DType.I64
            ? MemoryMarshal.AsBytes(named.Array.ToArray<long>().AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(named.Array.ToArray<float>().AsSpan()).ToArray());

    protected Encoder SmallEncoder(int depth = 2)
    {
        var encoder = Encoders.Create(SmallSettings with { Depth = depth });
        encoder.Initialize(Run.Backend, DType.F32, seed: 1);
        encoder.Train(false);
        return encoder;
    }

    protected void AssertSameFeatures(Encoder encoder, double bound)
    {
        Tensor images = Run.Normal([3, 3, 8, 8], DType.F32, seed: 2);
        double[] actual = TrainedModel.Open(Folder["out"], Run.Backend).Features(images).Data.ToDoubles();
        ModelAssert.Within(encoder.Features(images).Data.ToDoubles(), actual, "features", bound);
    }

    protected string Refused(string path, int? heads = 2)
    {
        string message = Assert.ThrowsAny<InputException>(() => Import(path, heads)).Message;
        Assert.StartsWith(path, message);
        Assert.DoesNotContain('\n', message);
        Assert.False(File.Exists(Folder["out"]));
        return message;
    }

    protected ImportReport Import(string path, int? heads = null) =>
        CheckpointImport.Run(path, Folder["out"], new ImportRequest(heads));
}
