namespace CudaViT.Core;

/// <summary>
/// What a backend may offer besides <see cref="IBackend"/>: it makes augmented views of 8-bit images by itself, so that
/// only decoded images have to be brought to it. Call it by way of <see cref="Core.AugmentViews"/>.
/// </summary>
/// <remarks>The managed backend has no such method: on the CPU, the loader's threads make the views.</remarks>
public interface IAugmentingBackend
{
    /// <summary>Most pixels of a view's side.</summary>
    int LargestView(int channels);

    /// <summary>
    /// Overwrites <paramref name="views"/> [N, C, S, S] with views of images that lie in <paramref name="pixels"/>.
    /// </summary>
    void AugmentViews(
        NdArray views,
        NdArray pixels,
        ReadOnlySpan<ViewTransform> transforms,
        ReadOnlySpan<float> mean,
        ReadOnlySpan<float> std);
}
