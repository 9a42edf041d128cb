using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Evaluation.Knn;

namespace CudaViT.Training.Tests.Evaluation;

public sealed class KnnClassifierTests : IDisposable
{
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose() => _run.Dispose();

    // Samples 1, 2 and 4 are equally similar to the query: those with the smaller indices are taken.
    [Fact]
    public void Ties_fall_to_the_smaller_index_and_the_smaller_class()
    {
        NdArray train = _run.Array([0, 1, 2, 0, 3, 0, 0, -1, 1, 0], [5, 2], DType.F64);
        KnnResult result = new KnnClassifier(train, [0, 2, 1, 0, 1], classCount: 3)
            .Classify(_run.Array([5, 0], [1, 2], DType.F64), k: 2);
        Assert.Equal([1, 2], result.Neighbours[0].Select(neighbour => neighbour.Index));
        Assert.Equal(1, result.Prediction(0)); // classes 2 and 1 have equal scores
        Assert.Equal(2, result.Prediction(0, k: 1));
    }

    // More queries than fit one block, against a plain search over all pairs.
    [Fact]
    public void Blocks_of_queries_give_what_a_plain_search_gives()
    {
        const int Train = 5000, Queries = 1700, Width = 3, K = 5;
        double[] train = Unit(Values.Normal(Train * Width, seed: 1), Width);
        double[] queries = Unit(Values.Normal(Queries * Width, seed: 2), Width);
        NdArray features = _run.Array(train, [Train, Width], DType.F64);
        KnnResult result = new KnnClassifier(features, new int[Train], classCount: 1)
            .Classify(_run.Array(queries, [Queries, Width], DType.F64), K);
        Assert.Equal(Queries, result.Neighbours.Count);
        foreach (int query in (int[])[0, 837, 838, 839, 840, Queries - 1]) // around the end of a block
        {
            int[] expected = [.. Enumerable.Range(0, Train)
                .OrderByDescending(i => Dot(train.AsSpan(i * Width, Width), queries.AsSpan(query * Width, Width)))
                .Take(K)];
            Assert.Equal(expected, result.Neighbours[query].Select(neighbour => neighbour.Index));
        }
    }

    [Fact]
    public void More_neighbours_than_samples_means_all_of_them()
    {
        NdArray train = _run.Array([1, 0, 0, 1], [2, 2], DType.F32);
        KnnResult result = new KnnClassifier(train, [0, 1], classCount: 2)
            .Classify(_run.Array([3, 1], [1, 2], DType.F32), k: 200);
        Assert.Equal(2, result.Neighbours[0].Length);
        Assert.Equal(1, result.Accuracy([0]));
        Assert.Equal(0, result.Accuracy([1]));
    }

    [Fact]
    public void Parts_that_do_not_fit_are_refused()
    {
        NdArray train = _run.Array([1, 0, 0, 1], [2, 2], DType.F32);
        Assert.Throws<ArgumentException>(() => new KnnClassifier(train, [0], classCount: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KnnClassifier(train, [0, 2], classCount: 2));
        var classifier = new KnnClassifier(train, [0, 1], classCount: 2);
        Assert.Throws<ArgumentException>(() => classifier.Classify(_run.Array([1, 0, 0], [1, 3], DType.F32), k: 1));
        Assert.Throws<ArgumentException>(() => classifier.Classify(_run.Array([1, 0], [1, 2], DType.F64), k: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Classify(train, k: 0));
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static double[] Unit(double[] values, int width)
    {
        for (int row = 0; row < values.Length; row += width)
        {
            double length = Math.Sqrt(values.AsSpan(row, width).ToArray().Sum(value => value * value));
            for (int j = row; j < row + width; j++)
            {
                values[j] /= length;
            }
        }

        return values;
    }
}
