using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Data.Views;

/// <summary>Which views are made of every image, and who makes them.</summary>
public interface IViewRecipe
{
    /// <summary>Views of each image.</summary>
    int ViewCount { get; }

    /// <summary>Height and width of a view in pixels.</summary>
    int SizeOf(int view);

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    void Validate();

    /// <summary>Somebody to make views; one for each thread.</summary>
    /// <param name="seed">Seed of the run.</param>
    IViewMaker CreateMaker(ulong seed);
}

/// <summary>
/// Makes the random views of an image. What comes out is a pure function of (seed, epoch, sample, view) and the image.
/// </summary>
public interface IViewMaker
{
    /// <summary>How coarsely an image may be decoded for all views that are made of it at once.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="sample">Index of the image in its data set.</param>
    /// <param name="copy">Where an epoch has an image several times, which time; a recipe of one view then.</param>
    /// <returns>Valid until the next call.</returns>
    IDecodeScale ScaleOf(int epoch, int sample, int copy);

    /// <summary>Writes one view.</summary>
    /// <param name="source">The image.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="sample">Index of the image in its data set.</param>
    /// <param name="view">
    /// Which view, from 0; where an epoch has an image several times, which copy of the one view.
    /// </param>
    /// <param name="destination">[size, size, channels], with the size of this view.</param>
    void Augment(ImageView source, int epoch, int sample, int view, Span<byte> destination);
}
