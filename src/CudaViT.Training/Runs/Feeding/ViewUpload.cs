using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Training.Models;

namespace CudaViT.Training.Runs.Feeding;

/// <summary>How the views of a batch get to the device.</summary>
internal abstract class ViewUpload(UploadSlot[] slots) : IDisposable
{
    /// <summary>What <see cref="DataLoaderSettings.PackedBytes"/> must be.</summary>
    public virtual int? PackedBytes => null;

    /// <summary>What the device reads while the processor goes on.</summary>
    protected ReadOnlySpan<UploadSlot> Slots => slots;

    /// <summary>Begins to copy a batch; it must stay as it is until <see cref="WaitUntilRead"/>.</summary>
    public abstract void Send(ImageBatch batch);

    /// <summary>A view of the batch sent last. Called before the next one is sent.</summary>
    public abstract Tensor View(int view);

    /// <summary>Waits until the device has read the batch sent last.</summary>
    public void WaitUntilRead()
    {
        foreach (UploadSlot slot in slots)
        {
            slot.WaitUntilRead();
        }
    }

    public void Dispose()
    {
        foreach (UploadSlot slot in slots)
        {
            slot.Dispose();
        }
    }

    /// <summary>Makes slots.</summary>
    protected static UploadSlot[] NewSlots(IBackend backend, int count, Shape shape)
    {
        using var role = new MemoryRoleScope(MemoryRole.Data);
        var slots = new UploadSlot[count];
        for (int i = 0; i < count; i++)
        {
            slots[i] = backend.NewUploadSlot(shape, DType.U8);
        }

        return slots;
    }
}

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
