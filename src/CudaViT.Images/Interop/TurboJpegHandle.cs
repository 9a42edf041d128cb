using System.Runtime.InteropServices;

namespace CudaViT.Images.Interop;

/// <summary>A decompressor; for one thread at a time.</summary>
internal sealed class TurboJpegHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => TurboJpeg.Destroy(handle) == 0;
}
