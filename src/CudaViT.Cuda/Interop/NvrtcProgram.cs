using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>A source that NVRTC compiles: nvrtcProgram.</summary>
internal sealed class NvrtcProgram() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => Nvrtc.DestroyProgram(ref handle) == NvrtcStatus.Success;
}
