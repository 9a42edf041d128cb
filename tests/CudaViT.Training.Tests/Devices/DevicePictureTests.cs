using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Devices;

/// <summary>The pictures of a report on different devices.</summary>
public sealed class DevicePictureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // In BF16 as in training: features, attention and tokens all have to be converted.
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Pictures_are_those_of_the_cpu(string backend)
    {
        TinyRun.WriteData(_folder["data"]);
        foreach (DType dtype in (DType[])[DType.F32, DType.BF16])
        {
            using var cpu = new CpuBackend();
            using TestRun run = Backends.Open(backend);
            RunPictures expected = Make(cpu, dtype);
            RunPictures actual = Make(run.Backend, dtype);
            double tolerance = dtype == DType.F32 ? 1e-4 : 0.05;
            Assert.Equal(
                expected.Pairs.Select(pair => pair.First.Pixels), actual.Pairs.Select(pair => pair.First.Pixels));
            Assert.All(expected.Neighbours.Zip(actual.Neighbours), rows => Assert.All(
                rows.First.Neighbours.Zip(rows.Second.Neighbours),
                pair => Assert.Equal(pair.First.Cosine, pair.Second.Cosine, tolerance)));
            Assert.Equal(expected.Attention.Count, actual.Attention.Count);
            Assert.All(
                expected.Components!.Shares.Zip(actual.Components!.Shares),
                pair => Assert.Equal(pair.First, pair.Second, tolerance));
            if (dtype == DType.F32)
            {
                Assert.All(expected.Attention.Zip(actual.Attention), rows => Assert.All(
                    rows.First.Mean.Pixels.Zip(rows.Second.Mean.Pixels),
                    levels => Assert.InRange(levels.First - levels.Second, -1, 1)));
            }
        }
    }

    private RunPictures Make(IBackend backend, DType dtype)
    {
        TrainSettings settings = TinyRun.Settings with { Dtype = dtype };
        var encoder = Encoders.Create(settings.Model);
        encoder.Initialize(backend, DType.F32, seed: 3);
        RunPictures pictures = PictureMaker.Make(
            encoder, settings, DatasetLocator.Open(_folder["data"]), backend, step: 0);
        foreach (Parameter parameter in encoder.Parameters())
        {
            parameter.Value.Data.Storage.Release();
        }

        return pictures;
    }
}
