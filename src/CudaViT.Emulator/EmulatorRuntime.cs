using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace CudaViT.Emulator;

/// <summary>A kernel in a module's table (EmulatorKernel in interface.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeKernel
{
    public byte* Name;
    public nint Call;
    public uint* ParameterSizes;
    public uint ParameterCount;
}

/// <summary>What the runtime knows of a module (Module in runtime.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeModule
{
    public nint Begin;
    public nint End;
    public ulong ThreadLocalId;
    public ulong SharedBytes;
}

/// <summary>Three numbers (Index in runtime.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct NativeIndex(uint X, uint Y, uint Z);

/// <summary>A launch (LaunchRequest in runtime.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeLaunch
{
    public NativeKernel* Kernel;
    public NativeModule* Module;
    public void** Arguments;
    public byte* Label;
    public ulong Owner;
    public ulong Seed;
    public ulong DynamicBytes;
    public NativeIndex Grid;
    public NativeIndex Block;
    public int Workers;
    public int Checked;
}

/// <summary>The compiled runtime: one copy for the whole process, as it has threads and tables of its own.</summary>
internal sealed unsafe class EmulatorRuntime
{
    private static readonly ConcurrentDictionary<string, Lazy<EmulatorRuntime>> Loaded = new(StringComparer.Ordinal);

    private readonly delegate* unmanaged<ulong, ulong, int, nint> _allocate;
    private readonly delegate* unmanaged<nint, ulong, int> _free;
    private readonly delegate* unmanaged<nint, ulong, ulong, int> _owns;
    private readonly delegate* unmanaged<nint, ulong, ulong> _brokenGuard;
    private readonly delegate* unmanaged<nint, ulong, ulong*, ulong> _allocationNumber;
    private readonly delegate* unmanaged<nint, nint, ulong, ulong, void> _markWritten;
    private readonly delegate* unmanaged<nint, ulong, ulong, long> _firstUnwritten;
    private readonly delegate* unmanaged<nint, NativeModule*, int> _describeModule;
    private readonly delegate* unmanaged<NativeLaunch*, byte*, ulong, int> _launch;

    private EmulatorRuntime(string path)
    {
        nint library = NativeLibrary.Load(path);
        _allocate = (delegate* unmanaged<ulong, ulong, int, nint>)Export("emulator_allocate");
        _free = (delegate* unmanaged<nint, ulong, int>)Export("emulator_free");
        _owns = (delegate* unmanaged<nint, ulong, ulong, int>)Export("emulator_owns");
        _brokenGuard = (delegate* unmanaged<nint, ulong, ulong>)Export("emulator_broken_guard");
        _allocationNumber = (delegate* unmanaged<nint, ulong, ulong*, ulong>)Export("emulator_allocation_number");
        _markWritten = (delegate* unmanaged<nint, nint, ulong, ulong, void>)Export("emulator_mark_written");
        _firstUnwritten = (delegate* unmanaged<nint, ulong, ulong, long>)Export("emulator_first_unwritten");
        _describeModule = (delegate* unmanaged<nint, NativeModule*, int>)Export("emulator_describe_module");
        _launch = (delegate* unmanaged<NativeLaunch*, byte*, ulong, int>)Export("emulator_launch");

        nint Export(string name) => NativeLibrary.GetExport(library, name);
    }

    /// <summary>Loads the runtime, unless a library of the same name is loaded: its name says what is in it.</summary>
    public static EmulatorRuntime Load(string path) =>
        Loaded.GetOrAdd(Path.GetFileName(path), _ => new Lazy<EmulatorRuntime>(() => new EmulatorRuntime(path))).Value;

    public nint Allocate(long size, ulong owner, bool isChecked) => _allocate((ulong)size, owner, isChecked ? 1 : 0);

    /// <summary>Gives memory back and says whether its guard zones held.</summary>
    public bool Free(nint address, ulong owner) => _free(address, owner) == 0;

    public bool Owns(nint address, long size, ulong owner) => _owns(address, (ulong)size, owner) != 0;

    /// <summary>Number of an allocation of which a guard zone was overwritten, or 0.</summary>
    /// <param name="address">Within the one to look at; 0 for all.</param>
    /// <param name="owner">Whose.</param>
    public ulong BrokenGuard(nint address, ulong owner) => _brokenGuard(address, owner);

    public ulong AllocationNumber(nint address, ulong owner, out ulong size)
    {
        ulong found = 0;
        ulong number = _allocationNumber(address, owner, &found);
        size = found;
        return number;
    }

    /// <summary>Notes that the host has written a range, or copied it from another (0 for none).</summary>
    public void MarkWritten(nint target, nint source, long size, ulong owner) =>
        _markWritten(target, source, (ulong)size, owner);

    /// <summary>Offset in its allocation of a range's first byte that nobody has written, or -1.</summary>
    public long FirstUnwritten(nint address, long size, ulong owner) => _firstUnwritten(address, (ulong)size, owner);

    public NativeModule DescribeModule(nint address)
    {
        NativeModule module;
        return _describeModule(address, &module) != 0
            ? module
            : throw new InvalidOperationException("The loader does not know the module that it has just loaded.");
    }

    /// <summary>Runs a launch to its end and returns null, or what went wrong.</summary>
    public string? Launch(in NativeLaunch request)
    {
        const int MessageBytes = 4096;
        byte* message = stackalloc byte[MessageBytes];
        fixed (NativeLaunch* pointer = &request)
        {
            return _launch(pointer, message, MessageBytes) == 0 ? null : Marshal.PtrToStringUTF8((nint)message);
        }
    }
}
