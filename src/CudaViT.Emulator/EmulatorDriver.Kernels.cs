using System.Runtime.InteropServices;
using System.Text;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

// Modules, launches and matrix products.
public sealed unsafe partial class EmulatorDriver
{
    /// <inheritdoc/>
    public GpuModule Load(KernelModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        lock (_gate)
        {
            if (!_modules.TryGetValue(module, out EmulatorModule? loaded))
            {
                string path = _compiler.Compile(module);
                loaded = new EmulatorModule(NativeLibrary.Load(path), _runtime) { Source = module };
                _modules.Add(module, loaded);
            }

            return loaded;
        }
    }

    /// <inheritdoc/>
    public GpuFunction GetFunction(GpuModule module, KernelEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var own = (EmulatorModule)module;
        return own.Kernels.TryGetValue(entry.Name, out nint kernel)
            ? new EmulatorFunction
            {
                Entry = entry,
                Build = own.Source.Build,
                Module = own,
                Kernel = (NativeKernel*)kernel,
            }
            : throw new GpuException($"{own.Source} has no kernel {entry}.");
    }

    /// <inheritdoc/>
    public void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments)
    {
        var own = (EmulatorFunction)function;
        lock (_gate)
        {
            string label = Label($"{own.Entry.Name} ({own.Build.ToString().ToLowerInvariant()})");
            CheckLimits(own, grid, block, sharedBytes, label);
            (byte[] values, int[] starts) = CopyArguments(own, (void**)arguments);
            Submit(new LaunchWork(own, grid, block, sharedBytes, values, starts) { Label = label }, stream);
        }
    }

    /// <inheritdoc/>
    public void MatMul(in GpuMatMul product, GpuStream stream) => PlainMatMul.Launch(this, FindKernel, product, stream);

    private static (byte[] Values, int[] Starts) CopyArguments(EmulatorFunction function, void** arguments)
    {
        int[] starts = new int[function.Kernel->ParameterCount];
        int used = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = used;
            used += ((int)function.Kernel->ParameterSizes[i] + ArgumentAlignment - 1) & -ArgumentAlignment;
        }

        byte[] values = new byte[used];
        for (int i = 0; i < starts.Length; i++)
        {
            var argument = new ReadOnlySpan<byte>(arguments[i], (int)function.Kernel->ParameterSizes[i]);
            argument.CopyTo(values.AsSpan(starts[i]));
        }

        return (values, starts);
    }

    private static void CheckLimits(EmulatorFunction function, Dim3 grid, Dim3 block, int sharedBytes, string label)
    {
        if (grid is not { X: > 0, Y: > 0 and <= 65535, Z: > 0 and <= 65535 })
        {
            throw new GpuException(
                $"{label}: a grid of {grid} blocks; each axis needs at least 1, y and z at most 65,535.");
        }

        if (block is not { X: > 0, Y: > 0, Z: > 0 and <= 64 } || block.Count > LargestBlock)
        {
            throw new GpuException(
                $"{label}: a block of {block} threads; it needs 1 to {LargestBlock}, and at most 64 along z.");
        }

        long shared = sharedBytes + (long)function.Module.Native->SharedBytes;
        if (sharedBytes < 0 || shared > SharedBytesPerBlock)
        {
            throw new GpuException(
                $"{label}: {sharedBytes:N0} bytes of dynamic shared memory and "
                + $"{function.Module.Native->SharedBytes:N0} of the module's are more than "
                + $"the {SharedBytesPerBlock:N0} of a block.");
        }
    }

    private GpuFunction FindKernel(string name, KernelBuild build)
    {
        (KernelFile file, KernelEntry entry) = Kernels.Find(name);
        return GetFunction(Load(new KernelModule(file, build)), entry);
    }

    private void RunLaunch(LaunchWork work)
    {
        byte[] label = [.. Encoding.UTF8.GetBytes(work.Label), 0];
        void** arguments = stackalloc void*[work.Starts.Length + 1];
        byte* room = stackalloc byte[work.Arguments.Length + ArgumentAlignment];
        byte* values = (byte*)(((nint)room + ArgumentAlignment - 1) & -ArgumentAlignment);
        work.Arguments.CopyTo(new Span<byte>(values, work.Arguments.Length));
        string? message;
        fixed (byte* name = label)
        {
            for (int i = 0; i < work.Starts.Length; i++)
            {
                arguments[i] = values + work.Starts[i];
            }

            message = _runtime.Launch(new NativeLaunch
            {
                Kernel = work.Function.Kernel,
                Module = work.Function.Module.Native,
                Arguments = arguments,
                Label = name,
                Owner = _owner,
                Seed = _options.Seed + ++_launches,
                DynamicBytes = (ulong)work.SharedBytes,
                Grid = Index(work.Grid),
                Block = Index(work.Block),
                Workers = _workers,
                Checked = _options.Checked ? 1 : 0,
            });
        }

        if (message is not null)
        {
            throw new GpuException(SourceLocator.Resolve(message));
        }

        if (!_options.Checked)
        {
            CheckGuards(work);
        }
    }

    private static NativeIndex Index(Dim3 dim) => new((uint)dim.X, (uint)dim.Y, (uint)dim.Z);

    // A kernel that writes past an array most often does so just behind one of its arguments.
    private void CheckGuards(LaunchWork work)
    {
        for (int i = 0; i < work.Starts.Length; i++)
        {
            if (work.Function.Entry.Parameters[i].Kind == KernelParameterKind.Pointer
                && MemoryMarshal.Read<nint>(work.Arguments.AsSpan(work.Starts[i])) is var address and not 0
                && _runtime.BrokenGuard(address, _owner) is var number and not 0)
            {
                throw new GpuException(
                    $"{work.Label}: wrote just outside allocation #{number}, which its argument "
                    + $"{work.Function.Entry.Parameters[i].Name} points into. The checked emulator says where.");
            }
        }
    }
}
