using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Images;

namespace CudaViT.Benchmarks;

/// <summary>Our side: every stage works on what the stages before it made of the same image.</summary>
internal sealed class AugmentStages : IDisposable
{
    private const int Size = 224;
    private const int ViewBytes = Size * Size * 3;
    private const ulong Seed = 1;

    private readonly AugmentationSettings _settings = new() { OutputSize = Size };
    private readonly IImageDataset _files;
    private readonly ViewAugmenter _augmenter;
    private readonly ViewRenderer _renderer = new();
    private readonly ImageResizer _resizer = new();
    private readonly BoxBlur _blur = new();
    private readonly ImageBuffer _scratch = new();
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly byte[] _view = new byte[ViewBytes];
    private readonly (byte[] Pixels, int Height, int Width)[] _decoded;
    private readonly byte[][] _crops;
    private StepScope? _scope; // of the normalised view
    private int _epoch;

    /// <summary>Opens the files of a folder, decodes them and cuts a crop out of each.</summary>
    public AugmentStages(string folder)
    {
        _files = ImageFolder.Open(folder, new ImageDecoder(), scales: false).Train;
        _augmenter = new ViewAugmenter(_settings, Seed);
        _decoded = new (byte[], int, int)[_files.Count];
        _crops = new byte[_files.Count][];
        Plans = new AugmentPlan[_files.Count];
        for (int image = 0; image < _files.Count; image++)
        {
            ImageView decoded = _files.Read(image, _scratch);
            _decoded[image] = (decoded.Pixels.ToArray(), decoded.Height, decoded.Width);
            Plans[image] = AugmentPlan.Draw(_settings, Seed, image, decoded.Height, decoded.Width);
            _crops[image] = Crop(image).ToArray();
        }

        All =
        [
            new("decode", image => _files.Read(image, _scratch).Pixels),
            new("crop and resize", Crop),
            new("brightness", image => Change(image, plan => ImageOps.Brightness(_view, plan.Brightness))),
            new("contrast", image => Change(image, plan => ImageOps.Contrast(_view, 3, plan.Contrast))),
            new("saturation", image => Change(image, plan => ImageOps.Saturation(_view, plan.Saturation))),
            new("hue", image => Change(image, plan => ImageOps.Hue(_view, plan.Hue))),
            new("jitter, all four", image => Change(image, plan => plan.Jitter.Apply(_view, 3))),
            new("greyscale", image => Change(image, _ => ImageOps.Grayscale(_view))),
            new("blur", image => Change(image, plan => _blur.Apply(_view, Size, Size, 3, plan.BlurSigma))),
            new("solarise", image => Change(image, _ => ImageOps.Solarize(_view))),
            new("flip", image => Change(image, _ => ImageOps.FlipHorizontally(_view, Size, 3))),
            new("normalise", image => Normalize(_crops[image]), GivesFloats: true),
            new("every operation in turn", RunPlan),
            new("view A", image => View(Decoded(image), image, view: 0), IsRandom: true),
            new("view B", image => View(Decoded(image), image, view: 1), IsRandom: true),
            new("whole pipeline: decode, views A and B", Whole, IsRandom: true),
        ];
    }

    /// <summary>What was drawn for each image, for operations by themselves.</summary>
    public AugmentPlan[] Plans { get; }

    /// <summary>In the order of the pipeline.</summary>
    public IReadOnlyList<AugmentStage> All { get; }

    public void Dispose()
    {
        _scope?.Dispose();
        _backend.Dispose();
    }

    private ImageView Decoded(int image)
    {
        (byte[] pixels, int height, int width) = _decoded[image];
        return new ImageView(pixels, height, width, channels: 3);
    }

    private ReadOnlySpan<byte> Crop(int image)
    {
        _resizer.Resize(Decoded(image), Plans[image].Crop, _view, Size, Size);
        return _view;
    }

    private ReadOnlySpan<byte> Change(int image, Action<AugmentPlan> change)
    {
        _crops[image].CopyTo(_view, 0); // what changes is changed in place
        change(Plans[image]);
        return _view;
    }

    private ReadOnlySpan<byte> RunPlan(int image)
    {
        _renderer.Render(Decoded(image), Plans[image].ToViewPlan(), Size, _view);
        return _view;
    }

    private ReadOnlySpan<byte> View(ImageView decoded, int image, int view)
    {
        _augmenter.Augment(decoded, _epoch, image, view, _view);
        return Normalize(_view);
    }

    private ReadOnlySpan<byte> Whole(int image)
    {
        _epoch += image == 0 ? 1 : 0;
        ImageView decoded = _files.Read(image, _scratch);
        View(decoded, image, view: 0);
        return View(decoded, image, view: 1);
    }

    // The device does this in training; here it is the CPU, with one thread.
    private ReadOnlySpan<byte> Normalize(byte[] view)
    {
        _scope?.Dispose();
        _scope = new StepScope();
        var images = NdArray.From<byte>(_backend, view, [1, Size, Size, 3]);
        NdArray numbers = _backend.NormalizeImages(
            images, [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f], DType.F32);
        return MemoryMarshal.AsBytes(numbers.ReadSpan<float>());
    }
}
