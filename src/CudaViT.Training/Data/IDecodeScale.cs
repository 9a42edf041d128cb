namespace CudaViT.Training.Data;

/// <summary>Knows what will be cut out of an image, and so how coarsely it may be decoded.</summary>
public interface IDecodeScale
{
    /// <summary>
    /// The smallest share of its full height and width that an image may be decoded to, when nothing may have to be
    /// enlarged afterwards that need not be enlarged at full size; above 1 where even that is too small.
    /// </summary>
    /// <param name="height">Rows of the full image.</param>
    /// <param name="width">Columns of the full image.</param>
    double Smallest(int height, int width);
}
