using CudaViT.Training.Reports.Charts;

namespace CudaViT.Training.Reports.Runs;

/// <summary>Divides the gradient norm of a part by its own running median and finds spikes.</summary>
/// <remarks>
/// A spike is a norm of at least <see cref="Threshold"/> times the median of the up to
/// <see cref="RunningMedian.Window"/> steps before it; steps of one spike are at most <see cref="Pause"/> apart. In
/// unstable runs it shows in the patch projection first and in the last layers tens of steps later (arXiv:2104.02057,
/// section 4.2).
/// </remarks>
/// <param name="part">Name of the part.</param>
internal sealed class SpikeFinder(string part)
{
    /// <summary>Multiple of the running median from which a norm is a spike.</summary>
    public const double Threshold = 3;

    /// <summary>So many ordinary steps end a spike.</summary>
    public const int Pause = 10;

    /// <summary>At most so many are kept, the highest of all.</summary>
    public const int Kept = 100;

    private readonly RunningMedian _median = new();
    private readonly PriorityQueue<GradientSpike, double> _lowestFirst = new();
    private GradientSpike? _open;
    private long _lastHigh;

    /// <summary>The part.</summary>
    public string Part { get; } = part;

    /// <summary>Norms over their running median.</summary>
    public Curve Ratios { get; } = new();

    /// <summary>Spikes in all, kept or not.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the norm of a step; null where nothing is trained.</summary>
    public void Add(long step, double? norm)
    {
        if (norm is not { } value || !double.IsFinite(value))
        {
            return;
        }

        if (_median.Value is { } median and > 0)
        {
            double ratio = value / median;
            Ratios.Add(step, ratio);
            Judge(step, ratio);
        }

        _median.Add(value);
    }

    /// <summary>The spikes, in the order of the run.</summary>
    public IReadOnlyList<GradientSpike> Spikes() =>
        [.. _lowestFirst.UnorderedItems.Select(item => item.Element)
            .Concat(_open is { } open ? [open] : [])
            .OrderBy(spike => spike.Start)];

    private void Judge(long step, double ratio)
    {
        if (_open is { } old && step - _lastHigh > Pause)
        {
            _lowestFirst.Enqueue(old, old.Ratio);
            _open = null;
            if (_lowestFirst.Count > Kept)
            {
                _lowestFirst.Dequeue();
            }
        }

        if (ratio < Threshold)
        {
            return;
        }

        _lastHigh = step;
        if (_open is not { } spike)
        {
            Count++;
            _open = new GradientSpike(Part, step, step, ratio);
        }
        else if (ratio > spike.Ratio)
        {
            _open = spike with { Peak = step, Ratio = ratio };
        }
    }
}

/// <summary>Steps on which the gradient of a part was far longer than usual.</summary>
/// <param name="Part">The part of the network.</param>
/// <param name="Start">First of the steps.</param>
/// <param name="Peak">The step on which it was longest.</param>
/// <param name="Ratio">Its length then, over the median of the steps before.</param>
internal readonly record struct GradientSpike(string Part, long Start, long Peak, double Ratio);
