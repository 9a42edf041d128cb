using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Feeding;

/// <summary>Decoded images go to the device, packed, and it makes both views of them.</summary>
internal sealed class PackedViewUpload : ViewUpload
{
    private const int ViewCount = 2;

    // Room for four times what the views take, so that few images have to be reduced before they are sent; more for
    // tiny views, and altogether no more than this.
    private const int ImageToViews = 4;
    private const long SmallImageBytes = 256 << 10;
    private const long MostBytes = 1 << 30;
    private const long MostAddressable = int.MaxValue;

    private readonly IBackend _backend;
    private readonly DType _dtype;
    private readonly Shape _shape;
    private readonly float[] _mean;
    private readonly float[] _std;
    private readonly ViewTransform[][] _transforms = new ViewTransform[ViewCount][];

    /// <summary>Makes the slot.</summary>
    /// <exception cref="RunException">The device makes no views, or none of this size.</exception>
    public PackedViewUpload(IImageDataset dataset, TrainSettings settings, IBackend backend)
        : this(dataset, settings, backend, BytesPerImage(dataset, settings, backend))
    {
    }

    private PackedViewUpload(IImageDataset dataset, TrainSettings settings, IBackend backend, int bytesPerImage)
        : base(NewSlots(backend, 1, [settings.Recipe.Batch * bytesPerImage]))
    {
        int size = settings.Model.ImageSize;
        (_backend, _dtype, PackedBytes) = (backend, settings.Dtype, bytesPerImage);
        _shape = [settings.Recipe.Batch, settings.Model.Channels, size, size];
        (_mean, _std) = ([.. dataset.Normalization.Mean], [.. dataset.Normalization.Std]);
        for (int view = 0; view < ViewCount; view++)
        {
            _transforms[view] = new ViewTransform[settings.Recipe.Batch];
        }
    }

    public override int? PackedBytes { get; }

    public override void Send(ImageBatch batch)
    {
        PackedImages packed = batch.Packed!;
        Slots[0].Fill(packed.Buffer, packed.UsedBytes);
        for (int view = 0; view < ViewCount; view++)
        {
            packed.Transforms(view).CopyTo(_transforms[view]);
        }
    }

    public override Tensor View(int view)
    {
        using var role = new MemoryRoleScope(MemoryRole.Data);
        NdArray result = NdArray.Empty(_backend, _shape, _dtype);
        AugmentViews.Apply(result, Slots[0].Acquire(), _transforms[view], _mean, _std);
        Slots[0].Release();
        return new Tensor(result);
    }

    /// <summary>Bytes that an image may take, so that any fits.</summary>
    /// <exception cref="RunException">The device makes no views, none of this size, or not so many.</exception>
    public static int BytesPerImage(IImageDataset dataset, TrainSettings settings, IBackend backend)
    {
        if (backend is not IAugmentingBackend device)
        {
            throw new RunException(
                $"views.augment is cuda, but the {backend.Name} device runs no kernels; expected --augment cpu, or "
                + "--device cuda, emulator or emulator-strict");
        }

        (int size, int batch) = (settings.Model.ImageSize, settings.Recipe.Batch);
        int most = device.LargestView(dataset.Channels);
        long views = ViewPacker.LeastBytes(settings.Augmentation, ViewCount, dataset.Channels);
        if (size > most || views * batch > MostAddressable)
        {
            throw new RunException(
                $"views.augment is cuda, but it cannot make {batch} pairs of views of {size} pixels at once; expected "
                + $"views of at most {most} pixels, and {MostAddressable / views} pairs of this size; "
                + "use --augment cpu");
        }

        long wanted = Math.Min(
            Math.Max(ImageToViews * views, SmallImageBytes), dataset.LargestImageBytes ?? long.MaxValue);
        return (int)Math.Max(views, Math.Min(wanted, MostBytes / batch));
    }
}
