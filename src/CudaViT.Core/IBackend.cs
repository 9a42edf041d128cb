namespace CudaViT.Core;

/// <summary>
/// What operations need from a device. This part is about memory; each file in <c>Ops/</c> declares its operation's own
/// methods, so a backend that lacks one does not compile.
/// </summary>
/// <remarks>
/// Methods take arguments that <c>Apply</c> has checked, return newly allocated arrays, and do not record anything.
/// </remarks>
public partial interface IBackend : IDisposable
{
    /// <summary>The device's name on the command line: cpu, cuda or emulator.</summary>
    string Name { get; }

    /// <summary>Threads of this machine that computing keeps busy; for a GPU the one that launches kernels.</summary>
    int ComputeThreads { get; }

    /// <summary>What the pool holds and has handed out.</summary>
    MemoryStatistics Memory { get; }

    /// <summary>Waits until everything asked for so far has been computed. Reading values does so by itself.</summary>
    void Synchronize();

    /// <summary>Takes a block from the pool. Its content is undefined.</summary>
    /// <param name="sizeInBytes">Zero is allowed.</param>
    /// <exception cref="DeviceMemoryException">The device has no such block left.</exception>
    Storage Allocate(long sizeInBytes);

    /// <summary>Takes host memory that the device reads by itself. Its content is undefined.</summary>
    HostBuffer AllocateHost(int sizeInBytes);

    /// <summary>Makes an array that is filled from the host beside the computation.</summary>
    UploadSlot NewUploadSlot(Shape shape, DType dtype);

    /// <summary>Copies as many bytes as <paramref name="destination"/> has elements for.</summary>
    void CopyFromHost(ReadOnlySpan<byte> source, NdArray destination);

    /// <summary>Copies all elements, waiting for pending work on them.</summary>
    void CopyToHost(NdArray source, Span<byte> destination);

    /// <summary>Copies between arrays of equal type and element count.</summary>
    void Copy(NdArray source, NdArray destination);

    /// <summary>
    /// Converts between element types; to floating point by rounding to nearest even, to integers by truncation.
    /// </summary>
    NdArray Cast(NdArray x, DType dtype);

    /// <summary>Sets every element to one value, rounded to the array's type.</summary>
    void Fill(NdArray x, double value);

    /// <summary>Adds <paramref name="term"/>, of equal shape and type, into <paramref name="sum"/>.</summary>
    void AddInPlace(NdArray sum, NdArray term);

    /// <summary>Index of the first NaN or infinity in row-major order; −1 when all elements are finite.</summary>
    long IndexOfNonFinite(NdArray x);
}
