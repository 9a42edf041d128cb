namespace CudaViT.Cuda;

/// <summary>A module on a GPU.</summary>
internal sealed class CudaModule(ModuleHandle handle) : GpuModule
{
    public ModuleHandle Handle => handle;
}

/// <summary>A kernel on a GPU.</summary>
internal sealed class CudaFunction(nint handle) : GpuFunction
{
    private string? _label;

    /// <summary>The driver's object; it lives as long as its module.</summary>
    public nint Handle => handle;

    /// <summary>Dynamic shared memory, in bytes, that a launch may ask for so far.</summary>
    public required int DynamicSharedBytes { get; set; }

    /// <summary>Name and build, for messages.</summary>
    public string Label => _label ??= $"{Entry.Name} ({Build.ToString().ToLowerInvariant()})";
}

/// <summary>An event on a GPU.</summary>
internal sealed class CudaEvent(EventHandle handle) : GpuEvent
{
    public EventHandle Handle => handle;

    protected override void Dispose(bool disposing) => handle.Dispose();
}

/// <summary>A recorded graph on a GPU.</summary>
internal sealed class CudaGraph(GraphHandle handle) : GpuGraph
{
    public GraphHandle Handle => handle;

    protected override void Dispose(bool disposing) => handle.Dispose();
}
