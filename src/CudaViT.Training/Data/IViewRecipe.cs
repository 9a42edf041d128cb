namespace CudaViT.Training.Data;

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
