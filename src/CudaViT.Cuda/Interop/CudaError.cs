using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace CudaViT.Cuda;

/// <summary>
/// Turns results of the driver's functions into exceptions that say what failed and what to do about it.
/// </summary>
internal static unsafe class CudaError
{
    /// <summary>Throws unless a call succeeded.</summary>
    /// <param name="status">The call itself.</param>
    /// <param name="call">Its text, which the compiler fills in.</param>
    public static void Check(CudaStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CudaStatus.Success)
        {
            throw For(status, call);
        }
    }

    /// <summary>The exception for a failed call.</summary>
    public static GpuException For(CudaStatus status, string call) =>
        new($"cuda: {FunctionIn(call)} failed: {Name(status)} ({(int)status}). {Hint(status)}")
        {
            IsOutOfMemory = status == CudaStatus.OutOfMemory,
        };

    /// <summary>
    /// Whether work already submitted went wrong: from then on every call in this process fails with it.
    /// </summary>
    public static bool IsFault(CudaStatus status) => status is
        CudaStatus.EccUncorrectable or CudaStatus.NvlinkUncorrectable or CudaStatus.Contained
        or CudaStatus.IllegalAddress
        or CudaStatus.LaunchTimeout or CudaStatus.ContextIsDestroyed or CudaStatus.Assert
        or CudaStatus.HardwareStackError or CudaStatus.IllegalInstruction or CudaStatus.MisalignedAddress
        or CudaStatus.InvalidAddressSpace or CudaStatus.InvalidPc or CudaStatus.LaunchFailed
        or CudaStatus.TensorMemoryLeak or CudaStatus.Unknown;

    /// <summary>CUDA's name of a status.</summary>
    public static string Name(CudaStatus status)
    {
        if (Enum.IsDefined(status))
        {
            return (status == CudaStatus.Success ? "CUDA_" : "CUDA_ERROR_") + UpperSnake(status.ToString());
        }

        return CudaLibraries.Probe(CudaLibrary.Driver).IsFound
            && CudaApi.GetErrorName(status, out byte* name) == CudaStatus.Success
            ? Marshal.PtrToStringUTF8((nint)name)!
            : "a status without a name";
    }

    /// <summary>What a status means and what to do, as one sentence or two.</summary>
    public static string Hint(CudaStatus status) => status switch
    {
        CudaStatus.OutOfMemory => "The device has no memory left: use a smaller batch, or end other programs on it.",
        CudaStatus.NoDevice =>
            "No NVIDIA GPU is visible: see what nvidia-smi says, what CUDA_VISIBLE_DEVICES allows and, in a container, "
            + "whether it was given GPUs.",
        CudaStatus.InvalidDevice => "CUDA_VISIBLE_DEVICES may name a device that is not there.",
        CudaStatus.StubLibrary =>
            "This libcuda is the toolkit's stub for linking: take its folder out of LD_LIBRARY_PATH, "
            + "or install the driver.",
        CudaStatus.DeviceUnavailable => "Another process has the device for itself: end it, or choose another device.",
        CudaStatus.OperatingSystem or CudaStatus.Unknown =>
            "Check that nvidia-smi works and that this user may open /dev/nvidia*.",
        CudaStatus.SystemNotReady => "The driver is not ready; machines with NVSwitch need the fabric manager running.",
        CudaStatus.SystemDriverMismatch =>
            "The driver's library and kernel module are of different versions: restart the machine after an update.",
        CudaStatus.CompatNotSupportedOnDevice =>
            "This device does not take CUDA's compatibility libraries: remove them from LD_LIBRARY_PATH.",
        CudaStatus.NoBinaryForGpu or CudaStatus.InvalidImage =>
            "The machine code is not for this device: empty the kernel cache and try again.",
        CudaStatus.InvalidPtx or CudaStatus.UnsupportedPtxVersion =>
            "The driver is older than the toolkit: install a newer driver, or set CUDAVIT_CUDA_LIB to an older NVRTC.",
        CudaStatus.JitCompilerNotFound =>
            "The driver's library libnvidia-ptxjitcompiler is missing: install the whole driver.",
        CudaStatus.LaunchOutOfResources => "The block needs more registers or shared memory than a multiprocessor has.",
        CudaStatus.IllegalAddress => "A kernel read or wrote outside its memory.",
        CudaStatus.MisalignedAddress => "A kernel used an address that is not a multiple of what it reads there.",
        CudaStatus.IllegalInstruction or CudaStatus.InvalidPc or CudaStatus.HardwareStackError
            or CudaStatus.InvalidAddressSpace => "A kernel went astray: it may have written over its own stack.",
        CudaStatus.LaunchTimeout => "A kernel ran longer than the system allows on a device with a display.",
        CudaStatus.Assert => "An assertion in a kernel failed.",
        CudaStatus.LaunchFailed => "A kernel failed on the device.",
        CudaStatus.EccUncorrectable or CudaStatus.NvlinkUncorrectable or CudaStatus.Contained =>
            "The device's hardware reports an error: see nvidia-smi -q; reset the device or use another.",
        CudaStatus.StreamCaptureUnsupported or CudaStatus.StreamCaptureImplicit or CudaStatus.StreamCaptureInvalidated
            or CudaStatus.StreamCaptureUnjoined or CudaStatus.StreamCaptureUnmatched or CudaStatus.CapturedEvent =>
            "This cannot be recorded in a graph: run it before the recording or after.",
        _ => "CUDAVIT_SYNC=1 makes every launch wait, so that the error shows at the call that caused it.",
    };

    /// <summary><c>cuMemAlloc_v2</c> for <c>CudaApi.MemAlloc(out address, bytes)</c>, less the suffix.</summary>
    private static string FunctionIn(string call)
    {
        string name = call.Split('(')[0];
        int dot = name.LastIndexOf('.');
        return dot >= 0 ? "cu" + name[(dot + 1)..] : name;
    }

    private static string UpperSnake(string name)
    {
        var text = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]))
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(name[i]));
        }

        return text.ToString();
    }
}
