using System.Diagnostics;
using System.Runtime.InteropServices;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

// Streams as queues, events and recordings.
public sealed unsafe partial class EmulatorDriver
{
    /// <inheritdoc/>
    public GpuEvent CreateEvent() => new EmulatorEvent();

    /// <inheritdoc/>
    public void Record(GpuEvent marker, GpuStream stream)
    {
        var own = (EmulatorEvent)marker;
        lock (_gate)
        {
            own.Stream = stream;
            Submit(new MarkWork(own, ++own.Recorded) { Label = Label("Record") }, stream);
        }
    }

    /// <inheritdoc/>
    public void Wait(GpuEvent marker, GpuStream stream)
    {
        var own = (EmulatorEvent)marker;
        lock (_gate)
        {
            Submit(new WaitWork(own, own.Recorded) { Label = Label("Wait") }, stream);
        }
    }

    /// <inheritdoc/>
    public void Synchronize(GpuEvent marker)
    {
        var own = (EmulatorEvent)marker;
        lock (_gate)
        {
            RunUntil(own, own.Recorded);
        }
    }

    /// <inheritdoc/>
    public TimeSpan Elapsed(GpuEvent start, GpuEvent end)
    {
        (var first, var last) = ((EmulatorEvent)start, (EmulatorEvent)end);
        lock (_gate)
        {
            RefuseWhileRecording("Elapsed");
            RunUntil(first, first.Recorded);
            RunUntil(last, last.Recorded);
            return first.Recorded > 0 && last.Recorded > 0
                ? Stopwatch.GetElapsedTime(first.Timestamp, last.Timestamp)
                : throw new GpuException("Elapsed: an event has not been recorded.");
        }
    }

    /// <inheritdoc/>
    public void BeginCapture()
    {
        lock (_gate)
        {
            RefuseWhileRecording("BeginCapture");
            _recording = [];
        }
    }

    /// <inheritdoc/>
    public GpuGraph EndCapture()
    {
        lock (_gate)
        {
            List<DeviceWork> work = _recording ?? throw new GpuException("EndCapture: no recording has begun.");
            _recording = null;
            return new EmulatorGraph(work);
        }
    }

    /// <inheritdoc/>
    public void Replay(GpuGraph graph)
    {
        lock (_gate)
        {
            RefuseWhileRecording("Replay");
            foreach (DeviceWork work in ((EmulatorGraph)graph).Work)
            {
                Submit(work, GpuStream.Compute);
            }
        }
    }

    private void Submit(DeviceWork work, GpuStream stream)
    {
        if (_recording is not null && stream == GpuStream.Compute)
        {
            _recording.Add(work);
            return;
        }

        _submitted[(int)stream]++;
        _queues[(int)stream].Enqueue(work);
        if (!_options.Lazy)
        {
            RunQueue(stream);
        }
    }

    private void RunQueue(GpuStream stream)
    {
        while (_queues[(int)stream].Count > 0)
        {
            RunNext(stream);
        }
    }

    private void RunUntil(EmulatorEvent marker, int recording)
    {
        while (marker.Reached < recording)
        {
            RunNext(marker.Stream);
        }
    }

    private void RunNext(GpuStream stream)
    {
        DeviceWork work = _queues[(int)stream].Dequeue();
        try
        {
            Run(work);
        }
        catch (GpuException)
        {
            Abandon();
            throw;
        }

        FreeWhatIsDone();
    }

    // What was submitted after work that failed relied on it.
    private void Abandon()
    {
        foreach (Queue<DeviceWork> queue in _queues)
        {
            foreach (MarkWork mark in queue.OfType<MarkWork>())
            {
                mark.Marker.Reach(mark.Recording);
            }

            queue.Clear();
        }

        FreeWhatIsDone();
    }

    private void FreeWhatIsDone()
    {
        for (int i = _leaving.Count - 1; i >= 0; i--)
        {
            (nint address, long computeEnd, long copyEnd) = _leaving[i];
            if (_submitted[0] - _queues[0].Count >= computeEnd && _submitted[1] - _queues[1].Count >= copyEnd)
            {
                _leaving.RemoveAt(i);
                _damage |= !_runtime.Free(address, _owner);
            }
        }
    }

    private void Run(DeviceWork work)
    {
        switch (work)
        {
            case LaunchWork launch:
                RunLaunch(launch);
                break;
            case UploadWork upload:
                Upload(upload.Source, upload.Destination, upload.Label);
                break;
            case BufferUploadWork upload:
                Upload(upload.Source.Bytes[..upload.Bytes], upload.Destination, upload.Label);
                break;
            case CopyWork copy:
                Require(copy.Source, copy.Bytes, copy.Label);
                Require(copy.Destination, copy.Bytes, copy.Label);
                Buffer.MemoryCopy((void*)copy.Source, (void*)copy.Destination, copy.Bytes, copy.Bytes);
                _runtime.MarkWritten(copy.Destination, copy.Source, copy.Bytes, _owner);
                break;
            case SetWork set:
                Require(set.Destination, set.Bytes, set.Label);
                NativeMemory.Fill((void*)set.Destination, (nuint)set.Bytes, set.Value);
                _runtime.MarkWritten(set.Destination, 0, set.Bytes, _owner);
                break;
            case MarkWork mark:
                mark.Marker.Reach(mark.Recording);
                break;
            case WaitWork wait:
                RunUntil(wait.Marker, wait.Recording);
                break;
            default:
                throw new UnreachableException();
        }
    }
}
