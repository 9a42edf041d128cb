namespace CudaViT.Training.Evaluation.Knn;

/// <summary>Neighbours of a set of queries, and the votes of the nearest of them.</summary>
public sealed class KnnResult
{
    private readonly int[] _labels;
    private readonly int _classCount;

    internal KnnResult(IReadOnlyList<Neighbour[]> neighbours, int[] labels, int classCount) =>
        (Neighbours, _labels, _classCount) = (neighbours, labels, classCount);

    /// <summary>For each query its neighbours, the most similar first.</summary>
    public IReadOnlyList<Neighbour[]> Neighbours { get; }

    /// <summary>Class scores of a query.</summary>
    /// <param name="query">Number of the query.</param>
    /// <param name="k">How many of the neighbours vote; null for all that were looked for.</param>
    public double[] Scores(int query, int? k = null)
    {
        double[] scores = new double[_classCount];
        Neighbour[] neighbours = Neighbours[query];
        foreach (Neighbour neighbour in neighbours.AsSpan(0, Math.Min(k ?? neighbours.Length, neighbours.Length)))
        {
            scores[_labels[neighbour.Index]] += Math.Exp(neighbour.Similarity / KnnClassifier.Temperature);
        }

        return scores;
    }

    /// <summary>The class with the largest score; among equals the one with the smallest number.</summary>
    /// <param name="query">Number of the query.</param>
    /// <param name="k">How many of the neighbours vote; null for all that were looked for.</param>
    public int Prediction(int query, int? k = null)
    {
        double[] scores = Scores(query, k);
        return Array.IndexOf(scores, scores.Max());
    }

    /// <summary>Share of the queries whose prediction is right, 0 to 1.</summary>
    /// <param name="labels">True class of each query.</param>
    /// <param name="k">How many of the neighbours vote; null for all that were looked for.</param>
    public double Accuracy(ReadOnlySpan<int> labels, int? k = null)
    {
        if (labels.Length != Neighbours.Count)
        {
            throw new ArgumentException(
                $"{labels.Length} labels do not belong to {Neighbours.Count} queries.", nameof(labels));
        }

        int right = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            right += Prediction(i, k) == labels[i] ? 1 : 0;
        }

        return labels.Length == 0 ? 0 : (double)right / labels.Length;
    }
}
