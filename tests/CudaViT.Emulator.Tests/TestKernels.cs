using CudaViT.Cuda;

namespace CudaViT.Emulator.Tests;

/// <summary>Kernels of a test's own: a text beside the project's headers, and a device to launch them on.</summary>
internal sealed unsafe class TestKernels : IDisposable
{
    private readonly string _text;
    private readonly KernelFile _file;
    private readonly GpuModule _module;

    /// <summary>Compiles a text.</summary>
    /// <param name="text">The kernels; a header and the project's headers are put before it.</param>
    /// <param name="driver">The device; belongs to this object from now on.</param>
    public TestKernels(string text, IGpuDriver driver)
    {
        _text = "// Builds   f32\n#include \"common/scalar.cuh\"\n#include \"common/reduce.cuh\"\n" + text;
        _file = File(_text);
        Driver = driver;
        _module = Driver.Load(new KernelModule(_file, KernelBuild.F32));
    }

    /// <summary>Compiles a text for the emulator.</summary>
    public TestKernels(string text, EmulatorOptions? options = null)
        : this(text, new EmulatorDriver(options ?? new EmulatorOptions { Workers = 2 }))
    {
    }

    public IGpuDriver Driver { get; }

    /// <summary>A kernel file named test.cu.</summary>
    public static KernelFile File(string text)
    {
        KernelSources project = KernelSources.BuiltIn();
        var texts = project.Names.Where(name => name.StartsWith("common/", StringComparison.Ordinal))
            .ToDictionary(name => name, name => project[name]);
        texts.Add("test.cu", text);
        return KernelFile.Read("test.cu", KernelSources.FromTexts("a test", texts));
    }

    /// <summary>A text that travels with the tests.</summary>
    public static string Resource(string name)
    {
        using Stream stream = typeof(TestKernels).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The numbers of the lines that end with a comment that begins with a kernel's name.</summary>
    public IEnumerable<int> Lines(string entry) => _text.Split('\n').Index()
        .Where(line => line.Item.Split("// ") is [_, .., var comment] && comment.Split(',')[0] == entry)
        .Select(line => line.Index + 1);

    /// <summary>The number of the only such line.</summary>
    public int Line(string entry) => Lines(entry).Single();

    /// <summary>Allocates and fills.</summary>
    public nint Array<T>(params T[] values)
        where T : unmanaged
    {
        nint address = Driver.Allocate(values.Length * sizeof(T));
        fixed (T* pointer = values)
        {
            Driver.CopyFromHost(new ReadOnlySpan<byte>(pointer, values.Length * sizeof(T)), address, GpuStream.Compute);
        }

        return address;
    }

    /// <summary>Allocates without filling.</summary>
    public nint Empty<T>(int count)
        where T : unmanaged =>
        Driver.Allocate(count * sizeof(T));

    /// <summary>Copies back.</summary>
    public T[] Read<T>(nint address, int count)
        where T : unmanaged
    {
        var values = new T[count];
        fixed (T* pointer = values)
        {
            Driver.CopyToHost(address, new Span<byte>(pointer, count * sizeof(T)), GpuStream.Compute);
        }

        return values;
    }

    /// <summary>Launches; every argument takes the lowest bytes of one of the numbers.</summary>
    public void Launch(string entry, Dim3 grid, Dim3 block, params ReadOnlySpan<long> arguments) =>
        LaunchShared(entry, grid, block, 0, arguments);

    /// <summary>Launches with dynamic shared memory.</summary>
    public void LaunchShared(
        string entry, Dim3 grid, Dim3 block, int sharedBytes, params ReadOnlySpan<long> arguments)
    {
        fixed (long* values = arguments)
        {
            void** pointers = stackalloc void*[arguments.Length + 1];
            for (int i = 0; i < arguments.Length; i++)
            {
                pointers[i] = values + i;
            }

            Driver.Launch(Function(entry), grid, block, sharedBytes, GpuStream.Compute, (nint)pointers);
        }
    }

    /// <summary>Launches with an array, a structure and a number.</summary>
    public void LaunchStructure<T>(string entry, Dim3 grid, Dim3 block, nint array, T structure, int number)
        where T : unmanaged
    {
        void** pointers = stackalloc void*[] { &array, &structure, &number };
        Driver.Launch(Function(entry), grid, block, 0, GpuStream.Compute, (nint)pointers);
    }

    public void Dispose() => Driver.Dispose();

    private GpuFunction Function(string entry) =>
        Driver.GetFunction(_module, _file.Entries.First(e => e.Name == entry));
}
