namespace CudaViT.Training.Reports.Charts;

/// <summary>
/// A curve of any number of measurements in a few hundred points. Each point keeps the mean, the smallest and the
/// largest of equally many neighbouring measurements, so that no spike gets lost, and memory does not grow.
/// </summary>
internal sealed class Curve
{
    /// <summary>Points are at most this many; once so many are full, neighbours become one.</summary>
    public const int MaxPoints = 800;

    // Standard deviation of the smoothing kernel, as a share of all points: ripples of a fiftieth of a run vanish.
    private const double SmoothingShare = 0.01;
    private const double MinSmoothing = 1.2; // points
    private const double KernelReach = 3; // standard deviations

    private readonly List<Bucket> _buckets = [];
    private int _perBucket = 1;

    /// <summary>Measurements that were added.</summary>
    public long Count { get; private set; }

    /// <summary>The newest measurement; NaN without any.</summary>
    public double Last { get; private set; } = double.NaN;

    /// <summary>The largest measurement; NaN without any.</summary>
    public double Max => _buckets.Count == 0 ? double.NaN : _buckets.Max(bucket => bucket.Max);

    /// <summary>Adds a measurement; x ascends. What is no number is left out.</summary>
    public void Add(double x, double? y)
    {
        if (y is not { } value || !double.IsFinite(value))
        {
            return;
        }

        (Count, Last) = (Count + 1, value);
        if (_buckets.Count > 0 && _buckets[^1].Count < _perBucket)
        {
            _buckets[^1] = _buckets[^1].With(new Bucket(x, value));
            return;
        }

        if (_buckets.Count == MaxPoints)
        {
            Halve();
        }

        _buckets.Add(new Bucket(x, value));
    }

    /// <summary>The points.</summary>
    public IReadOnlyList<CurvePoint> Points() =>
        [.. _buckets.Select(bucket => new CurvePoint(bucket.X, bucket.Mean, bucket.Min, bucket.Max))];

    /// <summary>The points, each mean replaced by a Gaussian average of its surroundings.</summary>
    public IReadOnlyList<CurvePoint> Smoothed()
    {
        double deviation = Math.Max(MinSmoothing, SmoothingShare * _buckets.Count);
        int reach = (int)Math.Ceiling(KernelReach * deviation);
        var points = new List<CurvePoint>(_buckets.Count);
        for (int i = 0; i < _buckets.Count; i++)
        {
            (double sum, double weights) = (0, 0);
            for (int j = Math.Max(0, i - reach); j <= Math.Min(_buckets.Count - 1, i + reach); j++)
            {
                double distance = (j - i) / deviation;
                double weight = _buckets[j].Count * Math.Exp(-distance * distance / 2);
                sum += weight * _buckets[j].Mean;
                weights += weight;
            }

            Bucket bucket = _buckets[i];
            points.Add(new CurvePoint(bucket.X, sum / weights, bucket.Min, bucket.Max));
        }

        return points;
    }

    private void Halve()
    {
        for (int i = 0; i < _buckets.Count / 2; i++)
        {
            _buckets[i] = _buckets[2 * i].With(_buckets[(2 * i) + 1]);
        }

        _buckets.RemoveRange(_buckets.Count / 2, _buckets.Count / 2);
        _perBucket *= 2;
    }

    private readonly record struct Bucket(int Count, double SumX, double Sum, double Min, double Max)
    {
        public Bucket(double x, double y)
            : this(1, x, y, y, y)
        {
        }

        public double X => SumX / Count;

        public double Mean => Sum / Count;

        public Bucket With(Bucket next) => new(
            Count + next.Count,
            SumX + next.SumX,
            Sum + next.Sum,
            Math.Min(Min, next.Min),
            Math.Max(Max, next.Max));
    }
}

/// <summary>A place on a curve that stands for one or more measurements.</summary>
/// <param name="X">Where: the middle of the measurements.</param>
/// <param name="Y">What the line shows: their mean, smoothed or not.</param>
/// <param name="Low">The smallest of them.</param>
/// <param name="High">The largest of them.</param>
internal readonly record struct CurvePoint(double X, double Y, double Low, double High);
