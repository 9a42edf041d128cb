namespace CudaViT.Cuda;

/// <summary>A loaded module. Each driver has its own kind.</summary>
public abstract class GpuModule
{
    /// <summary>What was compiled.</summary>
    public required KernelModule Source { get; init; }
}

/// <summary>An entry of a loaded module. Each driver has its own kind.</summary>
public abstract class GpuFunction
{
    /// <summary>Name and parameters, as the source declares them.</summary>
    public required KernelEntry Entry { get; init; }

    /// <summary>What the module was compiled for.</summary>
    public required KernelBuild Build { get; init; }
}

/// <summary>A point in a stream. Each driver has its own kind.</summary>
public abstract class GpuEvent : IDisposable
{
    /// <summary>Gives the event back.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the driver's object back.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Recorded work that can run again. Each driver has its own kind.</summary>
public abstract class GpuGraph : IDisposable
{
    /// <summary>Gives the graph back.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the driver's object back.</summary>
    protected abstract void Dispose(bool disposing);
}
