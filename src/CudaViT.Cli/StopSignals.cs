using System.Runtime.InteropServices;

namespace CudaViT.Cli;

/// <summary>
/// Turns the first Ctrl-C or SIGTERM into a request to stop, so that the step is finished and saved, and answers it at
/// once. A second Ctrl-C has its usual effect: the process ends.
/// </summary>
/// <remarks>
/// A second SIGTERM has none. Programs that end others send it twice within milliseconds, to a process and to its
/// group, and whoever cannot wait sends SIGKILL.
/// </remarks>
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
        bool isFirst = !_stop.IsCancellationRequested;
        bool isTermination = context.Signal == PosixSignal.SIGTERM;
        context.Cancel = isFirst || isTermination;
        if (!isFirst)
        {
            return;
        }

        try
        {
            _say($"finishing the step{(isTermination ? "" : "; again to leave now")}");
        }
        finally
        {
            _stop.Cancel();
        }
    }
}
