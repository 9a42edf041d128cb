using System.Runtime.InteropServices;

namespace CudaViT.Cli;

/// <summary>
/// Turns the first Ctrl-C or SIGTERM into a request to stop, so that the step is finished and saved, and answers it at
/// once. The second one has its usual effect: the process ends.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<string> _say;
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Listens from now on.</summary>
    /// <param name="say">Shows a line; called on a thread of its own.</param>
    public StopSignals(Action<string> say)
    {
        _say = say;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];
    }

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = !_stop.IsCancellationRequested;
        if (context.Cancel)
        {
            _say("finishing the step; again to leave now");
            _stop.Cancel();
        }
    }
}
