namespace CudaViT.Training.Reports.Runs;

/// <summary>Median of the newest values of a series.</summary>
internal sealed class RunningMedian
{
    /// <summary>Values that count; older ones are forgotten.</summary>
    public const int Window = 101;

    /// <summary>With fewer values there is no median.</summary>
    public const int Least = 20;

    private readonly Queue<double> _inOrder = new();
    private readonly List<double> _sorted = [];

    /// <summary>The median of the values so far; null while they are too few.</summary>
    public double? Value
    {
        get
        {
            int middle = _sorted.Count / 2;
            return _sorted.Count < Least ? null
                : _sorted.Count % 2 == 1 ? _sorted[middle]
                : (_sorted[middle - 1] + _sorted[middle]) / 2;
        }
    }

    /// <summary>Adds a value.</summary>
    public void Add(double value)
    {
        if (_inOrder.Count == Window)
        {
            _sorted.RemoveAt(_sorted.BinarySearch(_inOrder.Dequeue()));
        }

        _inOrder.Enqueue(value);
        int place = _sorted.BinarySearch(value);
        _sorted.Insert(place < 0 ? ~place : place, value);
    }
}
