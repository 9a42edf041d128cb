using System.Runtime.ExceptionServices;

namespace CudaViT.Data.Loading;

/// <summary>A batch on its way through the workers of a <see cref="DataLoader"/>, whose lock guards it.</summary>
internal sealed class BatchAssembly(ImageBatch batch)
{
    private int _errorPosition;

    /// <summary>The batch.</summary>
    public ImageBatch Batch => batch;

    /// <summary>Samples handed out to workers.</summary>
    public int Taken { get; set; }

    /// <summary>Samples that are not in the batch yet.</summary>
    public int Unfinished { get; set; }

    /// <summary>What went wrong with the first bad sample; null if all is well.</summary>
    public ExceptionDispatchInfo? Error { get; private set; }

    /// <summary>Begins anew with other samples.</summary>
    public void Begin(int epoch, int iteration, int firstCopy, ReadOnlySpan<int> samples)
    {
        (Batch.Epoch, Batch.Iteration, Batch.Count) = (epoch, iteration, samples.Length);
        Batch.FirstCopy = firstCopy;
        Batch.Packed?.Clear();
        samples.CopyTo(Batch.WritableSamples);
        (Taken, Unfinished) = (0, samples.Length);
    }

    /// <summary>Keeps the error of the first bad sample, whichever worker was faster.</summary>
    public void Fail(int position, Exception error)
    {
        if (Error is null || position < _errorPosition)
        {
            (Error, _errorPosition) = (ExceptionDispatchInfo.Capture(error), position);
        }
    }
}
