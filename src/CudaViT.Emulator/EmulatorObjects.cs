using System.Diagnostics;
using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

/// <summary>A module's library, which stays loaded as long as the process lives.</summary>
internal sealed unsafe class EmulatorModule : GpuModule
{
    public EmulatorModule(nint library, EmulatorRuntime runtime)
    {
        var kernel = (NativeKernel*)NativeLibrary.GetExport(library, "emulator_kernels");
        Native = (NativeModule*)NativeMemory.Alloc((nuint)sizeof(NativeModule));
        *Native = runtime.DescribeModule((nint)kernel);
        for (; kernel->Name != null; kernel++)
        {
            Kernels.Add(Marshal.PtrToStringUTF8((nint)kernel->Name)!, (nint)kernel);
        }
    }

    public NativeModule* Native { get; }

    /// <summary>Addresses of <see cref="NativeKernel"/> by name.</summary>
    public Dictionary<string, nint> Kernels { get; } = new(StringComparer.Ordinal);
}

/// <summary>A kernel of a module.</summary>
internal sealed unsafe class EmulatorFunction : GpuFunction
{
    public required EmulatorModule Module { get; init; }

    public required NativeKernel* Kernel { get; init; }
}

/// <summary>A mark in a stream. Every recording has a number, so that a wait means the one before it.</summary>
internal sealed class EmulatorEvent : GpuEvent
{
    public GpuStream Stream { get; set; }

    public int Recorded { get; set; }

    public int Reached { get; set; }

    public long Timestamp { get; private set; }

    public void Reach(int recording) => (Reached, Timestamp) = (Math.Max(Reached, recording), Stopwatch.GetTimestamp());

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>Recorded work.</summary>
internal sealed class EmulatorGraph(IReadOnlyList<DeviceWork> work) : GpuGraph
{
    public IReadOnlyList<DeviceWork> Work { get; } = work;

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>Something that a stream does; can be done again.</summary>
internal abstract record DeviceWork
{
    /// <summary>What the host was doing when it was submitted, for messages.</summary>
    public required string Label { get; init; }
}

/// <summary>A kernel with copies of its arguments, one after the other, each at a multiple of 16 bytes.</summary>
internal sealed record LaunchWork(
    EmulatorFunction Function, Dim3 Grid, Dim3 Block, int SharedBytes, byte[] Arguments, int[] Starts) : DeviceWork;

/// <summary>A copy from the host.</summary>
internal sealed record UploadWork(byte[] Source, nint Destination) : DeviceWork;

/// <summary>A copy from the host that reads its source when it runs, as a copy engine does.</summary>
internal sealed record BufferUploadWork(HostBuffer Source, int Bytes, nint Destination) : DeviceWork;

/// <summary>A copy within the device.</summary>
internal sealed record CopyWork(nint Source, nint Destination, long Bytes) : DeviceWork;

/// <summary>Bytes set to one value.</summary>
internal sealed record SetWork(nint Destination, byte Value, long Bytes) : DeviceWork;

/// <summary>An event that is reached.</summary>
internal sealed record MarkWork(EmulatorEvent Marker, int Recording) : DeviceWork;

/// <summary>An event that must be reached before what follows.</summary>
internal sealed record WaitWork(EmulatorEvent Marker, int Recording) : DeviceWork;
