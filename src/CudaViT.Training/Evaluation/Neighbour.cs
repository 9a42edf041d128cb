namespace CudaViT.Training.Evaluation;

/// <summary>A training sample near a query.</summary>
/// <param name="Index">Its number in the training set.</param>
/// <param name="Similarity">Cosine of the angle between the two feature vectors.</param>
public readonly record struct Neighbour(int Index, double Similarity) : IComparable<Neighbour>
{
    /// <summary>The more similar one comes first; among equals the one with the smaller index.</summary>
    public int CompareTo(Neighbour other) => other.Similarity.CompareTo(Similarity) is int order and not 0
        ? order
        : Index.CompareTo(other.Index);

    /// <summary>Comes first.</summary>
    public static bool operator <(Neighbour left, Neighbour right) => left.CompareTo(right) < 0;

    /// <summary>Comes last.</summary>
    public static bool operator >(Neighbour left, Neighbour right) => left.CompareTo(right) > 0;

    /// <summary>Comes first or is the same.</summary>
    public static bool operator <=(Neighbour left, Neighbour right) => left.CompareTo(right) <= 0;

    /// <summary>Comes last or is the same.</summary>
    public static bool operator >=(Neighbour left, Neighbour right) => left.CompareTo(right) >= 0;
}
