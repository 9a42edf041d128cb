using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Is filled by the copy stream, straight from the source. Two events keep it and the compute stream in step: the
/// values have arrived; nobody reads them any more.
/// </summary>
internal sealed class GpuUploadSlot : UploadSlot
{
    private readonly IGpuDriver _driver;
    private readonly GpuEvent _hasArrived;
    private readonly GpuEvent _isFree;
    private HostBuffer? _source; // alive until it has been read, whatever becomes of its owner

    public GpuUploadSlot(IBackend backend, IGpuDriver driver, Shape shape, DType dtype)
        : base(AllocateArray(backend, shape, dtype))
    {
        _driver = driver;
        _hasArrived = driver.CreateEvent();
        _isFree = driver.CreateEvent();
        Release(); // the block may come from the pool, with work on it still under way
    }

    public override NdArray Acquire()
    {
        _driver.Wait(_hasArrived, GpuStream.Compute);
        return Array;
    }

    public override void Release() => _driver.Record(_isFree, GpuStream.Compute);

    public override void WaitUntilRead() => _driver.Synchronize(_hasArrived);

    protected override void Copy(HostBuffer source, int sizeInBytes)
    {
        _source = source;
        _driver.Wait(_isFree, GpuStream.Copy);
        _driver.CopyFromHost(source, sizeInBytes, GpuStorage.AddressOf(Array), GpuStream.Copy);
        _driver.Record(_hasArrived, GpuStream.Copy);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                WaitUntilRead(); // the pool may hand the block out at once, and the source may go
            }
            catch (GpuException)
            {
                // A device that has failed copies nothing any more, and its message is on its way already.
            }

            _hasArrived.Dispose();
            _isFree.Dispose();
        }

        base.Dispose(disposing);
    }
}
