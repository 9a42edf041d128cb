namespace CudaViT.Core;

/// <summary>
/// While one of these is open on a thread, operations there are computed but not recorded: their results are constants.
/// Nests.
/// </summary>
/// <example><code>using (new NoGrad()) { keys = momentumEncoder.Forward(images); }</code></example>
public sealed class NoGrad : IDisposable
{
    [ThreadStatic]
    private static int _open;

    private bool _isClosed;

    /// <summary>Stops recording on this thread.</summary>
    public NoGrad() => _open++;

    /// <summary>Whether recording is stopped on this thread.</summary>
    public static bool IsActive => _open > 0;

    /// <summary>Ends what the constructor began.</summary>
    public void Dispose()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            _open--;
        }
    }
}
