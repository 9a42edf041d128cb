using CudaViT.Core;

namespace CudaViT.Cuda;

// Operations whose kernels are not written yet. This file goes when the last one is.
public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Concat(ReadOnlySpan<NdArray> inputs, int axis) => throw Pending();

    /// <inheritdoc/>
    public NdArray DropPath(NdArray x, double p, RandomStream random) => throw Pending();

    /// <inheritdoc/>
    public NdArray Dropout(NdArray x, double p, RandomStream random) => throw Pending();

    /// <inheritdoc/>
    public NdArray GatherRows(NdArray x, NdArray indices) => throw Pending();

    /// <inheritdoc/>
    public NdArray GatherRowsBackward(NdArray dy, NdArray indices, int rows) => throw Pending();

    /// <inheritdoc/>
    public (NdArray Y, NdArray Indices) Max(NdArray x, Shape shape) => throw Pending();

    /// <inheritdoc/>
    public NdArray MaxBackward(NdArray dy, NdArray indices, Shape shape) => throw Pending();

    /// <inheritdoc/>
    public NdArray NormalizeImages(NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype) => throw Pending();

    /// <inheritdoc/>
    public NdArray Patchify(NdArray x, int patch) => throw Pending();

    /// <inheritdoc/>
    public NdArray Permute(NdArray x, ReadOnlySpan<int> order) => throw Pending();

    /// <inheritdoc/>
    public NdArray Slice(NdArray x, int axis, int start, int end) => throw Pending();

    /// <inheritdoc/>
    public NdArray SliceBackward(NdArray dy, int axis, int start, Shape shape) => throw Pending();

    /// <inheritdoc/>
    public NdArray Unpatchify(NdArray x, int channels, int height, int width, int patch) => throw Pending();

    private static NotSupportedException Pending() => new("This operation has no kernel yet.");
}
