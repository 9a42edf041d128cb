using System.Diagnostics;

namespace CudaViT.Core;

/// <summary>
/// While one of these is open on a thread, every operation's result and every gradient is searched for NaN and
/// infinity, and the first operation that makes one is named. Slow: for finding a fault, not for training.
/// </summary>
/// <example><code>using (new Anomaly()) { model.Loss(batch).Backward(); }</code></example>
public sealed class Anomaly : IDisposable
{
    [ThreadStatic]
    private static int _open;

    private bool _isClosed;

    /// <summary>Starts searching on this thread.</summary>
    public Anomaly() => _open++;

    /// <summary>Whether results are searched on this thread.</summary>
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

    /// <summary>Throws when an array has an element that is not finite.</summary>
    /// <param name="array">What to search.</param>
    /// <param name="what">The operation and pass, for example <c>Log forward</c>.</param>
    /// <param name="callSite">Where the operation was called; empty when that was outside of anomaly mode.</param>
    internal static void Check(NdArray array, string what, string callSite)
    {
        long index = array.DType.IsFloatingPoint() ? array.Backend.IndexOfNonFinite(array) : -1;
        if (index >= 0)
        {
            double value = array.Reshape(-1).Rows((int)index, (int)index + 1).Item();
            string place =
                callSite.Length > 0 ? callSite : "a place that was not noted: open Anomaly before the forward pass";
            throw new AnomalyException(
                $"{what} made {value} at element {index} of {array.DType}{array.Shape}, called at {place}.");
        }
    }

    /// <summary>File and line of the innermost caller outside this assembly.</summary>
    internal static string CallSite()
    {
        foreach (StackFrame frame in new StackTrace(skipFrames: 1, fNeedFileInfo: true).GetFrames())
        {
            if (frame.GetMethod() is { } method && method.DeclaringType?.Assembly != typeof(Anomaly).Assembly)
            {
                string place = frame.GetFileName() is { } file
                    ? $" in {Path.GetFileName(file)}:{frame.GetFileLineNumber()}"
                    : "";
                return $"{method.DeclaringType?.Name}.{method.Name}{place}";
            }
        }

        return "an unknown place";
    }
}
