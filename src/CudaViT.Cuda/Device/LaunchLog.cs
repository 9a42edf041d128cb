namespace CudaViT.Cuda;

/// <summary>
/// Names of what was submitted since the device was last known to be well. Work is asynchronous, so when something has
/// gone wrong, the culprit is among these.
/// </summary>
internal sealed class LaunchLog
{
    private const int Capacity = 8;

    private readonly string[] _names = new string[Capacity];
    private long _count;

    public void Add(string name) => _names[_count++ % Capacity] = name;

    /// <summary>Everything submitted so far has ended well.</summary>
    public void Clear() => _count = 0;

    /// <summary>The names, oldest first, in a sentence.</summary>
    public string Describe()
    {
        if (_count == 0)
        {
            return "No kernel was under way.";
        }

        int kept = (int)Math.Min(_count, Capacity);
        string names = string.Join(", ", Enumerable.Range(0, kept).Select(i => _names[(_count - kept + i) % Capacity]));
        return _count switch
        {
            1 => $"The kernel is {names}.",
            > Capacity => $"It was one of {_count} launches, the last of them {names}; "
                + $"{CudaOptions.SynchronousVariable}=1 tells which.",
            _ => $"It was one of {names}; {CudaOptions.SynchronousVariable}=1 tells which.",
        };
    }
}
