using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs;

/// <summary>Views that the loader has made go to the device as they are.</summary>
internal sealed class RenderedViewUpload(IImageDataset dataset, TrainSettings settings, IBackend backend)
    : ViewUpload(NewSlots(backend, ViewCount, ImageInput.PixelShape(settings.Model, settings.Recipe.Batch)))
{
    private readonly ImageInput _input = new(settings, backend, dataset.Normalization);

    public override void Send(ImageBatch batch)
    {
        for (int view = 0; view < ViewCount; view++)
        {
            Slots[view].Fill(batch.BufferOf(view), batch.ViewSizeInBytes(view));
        }
    }

    public override (Tensor First, Tensor Second) Views() => (View(0), View(1));

    private Tensor View(int view)
    {
        Tensor images = _input.ToTensor(Slots[view].Acquire());
        Slots[view].Release();
        return images;
    }
}
