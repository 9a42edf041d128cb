namespace CudaViT.Training.Evaluation;

/// <summary>
/// Follows a long computation over images: is told how far it is, and ends it when somebody asks to stop.
/// </summary>
/// <param name="onAdvance">Is told what is done, how many images of how many; null for nobody.</param>
/// <param name="stop">Asks to end it.</param>
public sealed class WorkWatch(Action<string, long, long>? onAdvance, CancellationToken stop)
{
    /// <summary>The work has come this far.</summary>
    /// <param name="what">What is done, in a few words.</param>
    /// <param name="done">Images that are done.</param>
    /// <param name="total">All of them.</param>
    /// <exception cref="OperationCanceledException">
    /// Somebody asked to stop; what was computed so far is of no use.
    /// </exception>
    public void Advance(string what, long done, long total)
    {
        stop.ThrowIfCancellationRequested();
        onAdvance?.Invoke(what, done, total);
    }
}
