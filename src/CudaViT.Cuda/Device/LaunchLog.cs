namespace CudaViT.Cuda;

/// <summary>
/// Names of what was submitted since the device was last known to be well. Work is asynchronous, so when something has
/// gone wrong, the culprit is among these.
/// </summary>
internal sealed class LaunchLog
{
    private const int Capacity = 8;

    private readonly string[] _names = new string[Capacity];
    private long _done;

    /// <summary>How much was submitted so far.</summary>
    public long Position { get; private set; }

    public void Add(string name) => _names[Position++ % Capacity] = name;

    /// <summary>Everything before a <see cref="Position"/> has ended well.</summary>
    public void ClearBefore(long position) => _done = Math.Max(_done, position);

    /// <summary>The names, oldest first, in a sentence.</summary>
    public string Describe()
    {
        long count = Position - _done;
        if (count == 0)
        {
            return "No kernel was under way.";
        }

        int kept = (int)Math.Min(count, Capacity);
        string names = string.Join(
            ", ", Enumerable.Range(0, kept).Select(i => _names[(Position - kept + i) % Capacity]));
        return count switch
        {
            1 => $"The kernel is {names}.",
            > Capacity => $"It was one of {count} launches, the last of them {names}; "
                + $"{CudaOptions.SynchronousVariable}=1 tells which.",
            _ => $"It was one of {names}; {CudaOptions.SynchronousVariable}=1 tells which.",
        };
    }
}
