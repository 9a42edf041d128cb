using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Data.Loading;

/// <summary>
/// Reads images into a batch on all processors; where they come to lie does not depend on their number.
/// </summary>
/// <param name="dataset">The images.</param>
/// <param name="transform">Makes what a thread needs to cut an image.</param>
internal sealed class EvaluationReader(IImageDataset dataset, Func<EvaluationTransform> transform)
{
    private readonly ConcurrentBag<(EvaluationTransform Transform, ImageBuffer Scratch)> _idle = [];
    private bool[] _isRead = [];

    /// <summary>Reads neighbouring images of the data set.</summary>
    /// <param name="batch">Where they go, one after another; a damaged one is left out.</param>
    /// <param name="position">Place of the first in the batch.</param>
    /// <param name="sample">Index of the first in the data set.</param>
    /// <param name="count">Images to try.</param>
    /// <returns>Images that were read.</returns>
    /// <exception cref="DatasetException">The images cannot be read, or too many are damaged.</exception>
    public int Read(ImageBatch batch, int position, int sample, int count)
    {
        if (_isRead.Length < count)
        {
            _isRead = new bool[count];
        }

        try
        {
            Parallel.For(0, count, i => _isRead[i] = TryRead(sample + i, batch.WritableImage(0, position + i)));
        }
        catch (AggregateException errors)
        {
            ExceptionDispatchInfo.Throw(errors.InnerExceptions[0]); // as it would have come from a single thread
        }

        int filled = position;
        for (int i = 0; i < count; i++)
        {
            if (_isRead[i])
            {
                if (filled < position + i)
                {
                    batch.WritableImage(0, position + i).CopyTo(batch.WritableImage(0, filled));
                }

                batch.WritableSamples[filled] = sample + i;
                batch.SetLabel(filled, dataset.Label(sample + i));
                filled++;
            }
        }

        return filled - position;
    }

    private bool TryRead(int sample, Span<byte> destination)
    {
        if (!_idle.TryTake(out (EvaluationTransform Transform, ImageBuffer Scratch) tools))
        {
            tools = (transform(), new ImageBuffer());
        }

        try
        {
            tools.Transform.Apply(dataset.Read(sample, tools.Scratch, tools.Transform), destination);
            return true;
        }
        catch (UndecodableImageException)
        {
            return false; // the data set keeps the list
        }
        finally
        {
            _idle.Add(tools);
        }
    }
}
