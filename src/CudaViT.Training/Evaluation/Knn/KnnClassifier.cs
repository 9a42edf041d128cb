using CudaViT.Core;

namespace CudaViT.Training.Evaluation.Knn;

/// <summary>
/// Weighted k-nearest-neighbour classifier on features: how good an encoder is without training anything on top.
/// </summary>
/// <remarks>
/// All features are scaled to unit length; similarity is the dot product; each of the k most similar training samples
/// adds exp(similarity / 0.07) to the score of its class (Wu et al., arXiv:1805.01978; the protocol of DINO,
/// arXiv:2104.14294). Ties fall to the training sample with the smaller index and to the class with the smaller number.
/// </remarks>
public sealed class KnnClassifier
{
    /// <summary>Divisor of the similarity in a vote's weight.</summary>
    public const double Temperature = 0.07;

    // Similarities of one block of queries; larger blocks gain nothing.
    private const int BlockElements = 4 << 20;

    private readonly NdArray _train;
    private readonly int[] _labels;
    private readonly int _classCount;

    /// <summary>Makes a classifier.</summary>
    /// <param name="features">[N, D], F64 or F32, not necessarily of unit length; must stay alive.</param>
    /// <param name="labels">[N], each from 0 to <paramref name="classCount"/> − 1.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public KnnClassifier(NdArray features, ReadOnlySpan<int> labels, int classCount)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.Shape.Rank != 2 || features.Shape[0] != labels.Length || labels.IsEmpty)
        {
            throw new ArgumentException($"{labels.Length} labels do not belong to features of shape {features.Shape}.");
        }

        foreach (int label in labels)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)label, (uint)classCount, nameof(labels));
        }

        _labels = labels.ToArray();
        _classCount = classCount;
        using var noGrad = new NoGrad();
        _train = L2Normalize.Apply(new Tensor(features)).Data;
    }

    /// <summary>Classifies every row of <paramref name="queries"/>.</summary>
    /// <param name="queries">[M, D], with the dtype and device of the training features.</param>
    /// <param name="k">Neighbours that vote, from 1; more than there are training samples means all of them.</param>
    /// <param name="watch">Is told how far it is; null for nobody.</param>
    /// <exception cref="ArgumentException">The width or dtype differs from that of the training features.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="watch"/> was asked to stop.</exception>
    public KnnResult Classify(NdArray queries, int k, WorkWatch? watch = null)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(k);
        if (queries.Shape.Rank != 2 || queries.Shape[1] != _train.Shape[1] || queries.DType != _train.DType)
        {
            throw new ArgumentException(
                $"Queries {queries.Description} do not go with training features {_train.Description}.");
        }

        var neighbours = new List<Neighbour[]>(queries.Shape[0]);
        int rows = Math.Max(1, BlockElements / _labels.Length);
        using var noGrad = new NoGrad();
        for (int start = 0; start < queries.Shape[0]; start += rows)
        {
            using var scope = new StepScope();
            Tensor block = L2Normalize.Apply(new Tensor(queries.Rows(start, Math.Min(start + rows, queries.Shape[0]))));
            Tensor similarities = MatMul.Apply(block, new Tensor(_train), transposeB: true);
            neighbours.AddRange(Nearest(similarities.Data.ToDoubles(), Math.Min(k, _labels.Length)));
            watch?.Advance("nearest neighbours", neighbours.Count, queries.Shape[0]);
        }

        return new KnnResult(neighbours, _labels, _classCount);
    }

    private ParallelQuery<Neighbour[]> Nearest(double[] similarities, int k)
    {
        int count = _labels.Length;
        return Enumerable.Range(0, similarities.Length / count)
            .AsParallel().AsOrdered()
            .Select(row => Nearest(similarities.AsSpan(row * count, count), k));
    }

    // A heap of the k best so far with the worst of them on top; most samples fall at the first comparison.
    private static Neighbour[] Nearest(ReadOnlySpan<double> similarities, int k)
    {
        var worstFirst = new PriorityQueue<int, Neighbour>(k + 1, Comparer<Neighbour>.Create((a, b) => b.CompareTo(a)));
        double threshold = double.NegativeInfinity;
        for (int i = 0; i < similarities.Length; i++)
        {
            // An equal similarity cannot displace: the sample in the heap has the smaller index.
            if (worstFirst.Count < k || similarities[i] > threshold)
            {
                worstFirst.Enqueue(i, new Neighbour(i, similarities[i]));
                if (worstFirst.Count > k)
                {
                    worstFirst.Dequeue();
                }

                worstFirst.TryPeek(out _, out Neighbour worst);
                threshold = worst.Similarity;
            }
        }

        Neighbour[] nearest = [.. worstFirst.UnorderedItems.Select(item => item.Priority)];
        Array.Sort(nearest);
        return nearest;
    }
}

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
