using System.Diagnostics;
using System.Globalization;
using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Emulator;
using CudaViT.TestKit;

namespace CudaViT.Benchmarks;

/// <summary>
/// Both views of MoCo v3 made by a device of packed images that are on it: what augmentation adds to a step.
/// </summary>
internal static class ViewsBenchmark
{
    private const int Height = 375;
    private const int Width = 500;
    private const int Pictures = 16; // drawn; a batch has each several times, in other views
    private const int Views = 2;
    private const int WarmUps = 3;   // the first compiles
    private const int PackedBytes = Height * Width * 3;

    /// <summary>
    /// Arguments: any of device=cuda|emulator (default cuda), batch=N (default 256), size=N (default 224),
    /// dtype=BF16|F32|F64 (default BF16), rounds=N (default 50).
    /// </summary>
    public static int Run(string[] arguments)
    {
        (int batch, int size) = (Number(arguments, "batch", 256), Number(arguments, "size", 224));
        int rounds = Number(arguments, "rounds", 50);
        DType dtype = Enum.Parse<DType>(Arguments.Option(arguments, "dtype") ?? nameof(DType.BF16), ignoreCase: true);
        using CudaBackend backend = Open(Arguments.Option(arguments, "device") ?? "cuda");
        using var loader = new DataLoader(
            Images(batch),
            new AugmentationSettings { OutputSize = size },
            new DataLoaderSettings
            {
                BatchSize = batch,
                Seed = 1,
                Epochs = 1,
                PrefetchBatches = 1,
                PackedBytes = PackedBytes,
            });
        loader.TryNext(out ImageBatch? images);
        PackedImages packed = images!.Packed!;
        using var scope = new StepScope();
        NdArray pixels = NdArray.From<byte>(backend, packed.Buffer.Bytes[..packed.UsedBytes], [packed.UsedBytes]);
        NdArray views = NdArray.Empty(backend, [batch, 3, size, size], dtype);
        float[] mean = [.. Normalization.ImageNet.Mean];
        float[] std = [.. Normalization.ImageNet.Std];
        double[] milliseconds = new double[rounds];
        for (int round = -WarmUps; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int view = 0; view < Views; view++)
            {
                AugmentViews.Apply(views, pixels, packed.Transforms(view), mean, std);
            }

            backend.Synchronize();
            if (round >= 0)
            {
                milliseconds[round] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        }

        Array.Sort(milliseconds);
        double median = milliseconds[rounds / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{backend.Driver.Properties.Name}: {batch} images of {Width} x {Height}, two views of {size} in {dtype}: "
            + $"{median:f2} ms (median of {rounds}; {milliseconds[0]:f2} to {milliseconds[^1]:f2}), "
            + $"{batch / median * 1000:f0} images/s"));
        return 0;
    }

    private static CudaBackend Open(string device) => device switch
    {
        "cuda" => new CudaBackend(new CudaDriver()),
        "emulator" => new CudaBackend(
            new EmulatorDriver(new EmulatorOptions { Checked = false }, new KernelCatalog(KernelSources.BuiltIn()))),
        _ => throw new InvalidOperationException($"device is '{device}'; expected cuda or emulator."),
    };

    private static InMemoryDataset Images(int count)
    {
        byte[] pixels = new byte[count * PackedBytes];
        for (int i = 0; i < count; i++)
        {
            Span<byte> image = pixels.AsSpan(i * PackedBytes, PackedBytes);
            if (i < Pictures)
            {
                TexturedScenes.Draw(i % TexturedScenes.Classes.Count, seed: 1, i, Height, Width).CopyTo(image);
            }
            else
            {
                pixels.AsSpan(i % Pictures * PackedBytes, PackedBytes).CopyTo(image);
            }
        }

        return new InMemoryDataset("scenes", pixels, Height, Width, 3, normalization: Normalization.ImageNet);
    }

    private static int Number(string[] arguments, string name, int otherwise) =>
        Arguments.Option(arguments, name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
