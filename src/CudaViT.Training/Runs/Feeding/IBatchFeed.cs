using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Training.Runs;

/// <summary>Brings the training batches of all epochs onto a device, in order, made ahead of time.</summary>
public interface IBatchFeed : IDisposable
{
    /// <summary>How long the calling thread was kept waiting for data, all calls together.</summary>
    TimeSpan TimeWaited { get; }

    /// <summary>Waits for the next batch.</summary>
    /// <param name="batch">Valid until the next call; null after the last one.</param>
    /// <returns>False when there are no more.</returns>
    /// <exception cref="InputException">The images cannot be read.</exception>
    bool TryNext([NotNullWhen(true)] out DeviceBatch? batch);

    /// <summary>
    /// Sends the batch that <see cref="TryNext"/> will return on its way to the device, if it is ready. Call it when the
    /// computations of a step have been asked for, <see cref="DeviceBatch.Views"/> first of all, and before their results
    /// are read: the copy then goes on beside them.
    /// </summary>
    void SendAhead();
}
