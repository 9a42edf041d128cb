namespace CudaViT.Core;

/// <summary>
/// An array that is filled from the host beside the computation, again and again: the next batch crosses the bus while
/// the device works on this one.
/// </summary>
/// <example>
/// <code>
/// slot.Fill(buffer, bytes);           // returns at once
/// NdArray values = slot.Acquire();    // computations from here on find the values
/// Tensor x = NormalizeImages.Apply(values, mean, std);
/// slot.Release();                     // computations up to here are the last to read them: the next Fill waits
/// slot.WaitUntilRead();               // the buffer may be written again
/// </code>
/// </example>
/// <remarks>
/// The order is the device's: of all methods only <see cref="WaitUntilRead"/> keeps the calling thread waiting. The
/// array outlives step scopes.
/// </remarks>
public abstract class UploadSlot : IDisposable
{
    /// <summary>Wraps an array that no step scope owns.</summary>
    protected UploadSlot(NdArray array) => Array = array;

    /// <summary>The array.</summary>
    protected NdArray Array { get; }

    /// <summary>Begins to copy into the array, once the computations before <see cref="Release"/> are done.</summary>
    /// <param name="source">
    /// From <see cref="IBackend.AllocateHost"/> of this backend; must stay as it is until <see cref="WaitUntilRead"/>.
    /// </param>
    /// <param name="sizeInBytes">How many bytes, from the first; the rest of the array stays.</param>
    public void Fill(HostBuffer source, int sizeInBytes)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfNegative(sizeInBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeInBytes, Math.Min(source.SizeInBytes, Array.SizeInBytes));
        Copy(source, sizeInBytes);
        Array.Storage.MarkChanged();
    }

    /// <summary>Makes computations from here on wait for the values.</summary>
    /// <returns>The array, to be read until <see cref="Release"/>.</returns>
    public abstract NdArray Acquire();

    /// <summary>Says that no computation after those asked for so far reads the values.</summary>
    public abstract void Release();

    /// <summary>Waits until the source of <see cref="Fill"/> has been read. It may then be changed.</summary>
    public abstract void WaitUntilRead();

    /// <summary>Waits for the copy under way, if there is one, and gives the array's memory back.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Allocates an array that outlives step scopes.</summary>
    protected static NdArray AllocateArray(IBackend backend, Shape shape, DType dtype)
    {
        NdArray array = NdArray.Empty(backend, shape, dtype);
        StepScope.Orphan(array.Storage);
        return array;
    }

    /// <summary>Begins to copy.</summary>
    protected abstract void Copy(HostBuffer source, int sizeInBytes);

    /// <summary>Gives the array's memory back.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            Array.Storage.Release();
        }
    }
}
