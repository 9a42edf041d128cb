using CudaViT.Core;
using CudaViT.Data.Loading;

namespace CudaViT.Training.Runs.Feeding;

/// <summary>A training batch on a device. The <see cref="BatchFeed"/> it came from owns it.</summary>
public sealed class DeviceBatch
{
    private readonly ViewUpload _upload;
    private readonly int[] _labels;
    private readonly int[] _samples;
    private readonly int[] _copies;

    internal DeviceBatch(ViewUpload upload, int size)
    {
        _upload = upload;
        (_labels, _samples, _copies) = (new int[size], new int[size], new int[size]);
    }

    /// <summary>Epoch, from 0.</summary>
    public int Epoch { get; private set; }

    /// <summary>Position of the batch in its epoch, from 0.</summary>
    public int Iteration { get; private set; }

    /// <summary>Class of each sample; -1 without labels.</summary>
    public ReadOnlySpan<int> Labels => _labels;

    /// <summary>Index of each sample in the data set.</summary>
    public ReadOnlySpan<int> Samples => _samples;

    /// <summary>Which copy of its image each sample is, where an epoch has images several times; else 0.</summary>
    public ReadOnlySpan<int> Copies => _copies;

    /// <summary>Makes a view. Call it once for each; the step scope of the caller owns the result.</summary>
    /// <param name="view">0 is view A, 1 view B.</param>
    /// <returns>[B, channels, H, W], standardized, in the type of the activations.</returns>
    public Tensor View(int view) => _upload.View(view);

    /// <summary>Takes over what is known of a batch; its pixels are on their way.</summary>
    internal void Describe(ImageBatch source)
    {
        (Epoch, Iteration) = (source.Epoch, source.Iteration);
        source.Labels.CopyTo(_labels);
        source.Samples.CopyTo(_samples);
        for (int i = 0; i < source.Count; i++)
        {
            _copies[i] = source.CopyOf(i);
        }
    }
}
