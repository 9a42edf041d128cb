using CudaViT.Core;
using CudaViT.Training.Data;

namespace CudaViT.Training.Runs;

/// <summary>Views that the loader has made go to the device as they are.</summary>
/// <param name="input">Brings them to the form that the model takes.</param>
/// <param name="shape">[B, size, size, channels].</param>
/// <param name="views">Number of views of an image.</param>
/// <param name="backend">The device.</param>
internal sealed class RenderedViewUpload(ImageInput input, Shape shape, int views, IBackend backend)
    : ViewUpload(NewSlots(backend, views, shape))
{
    public override void Send(ImageBatch batch)
    {
        for (int view = 0; view < Slots.Length; view++)
        {
            Slots[view].Fill(batch.BufferOf(view), batch.ViewSizeInBytes(view));
        }
    }

    public override Tensor View(int view)
    {
        Tensor images = input.ToTensor(Slots[view].Acquire());
        Slots[view].Release();
        return images;
    }
}
