using CudaViT.Core;
using CudaViT.Training.Data;

namespace CudaViT.Training.Runs;

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
