using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Cuda;
using CudaViT.TestKit;

namespace CudaViT.Emulator.Tests;

/// <summary>One operation from end to end: launcher, kernel, emulator; against the managed implementation.</summary>
public sealed class L2NormalizeTests
{
    public static TheoryData<DType, bool> Builds
    {
        get
        {
            var data = new TheoryData<DType, bool>();
            foreach (DType dtype in Backends.FloatTypes)
            {
                data.Add(dtype, true);
                data.Add(dtype, false);
            }

            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Builds))]
    public void Emulator_agrees_with_the_managed_backend(DType dtype, bool isChecked)
    {
        EmulatorAtHand.OrSkip();
        using var emulator = new CudaBackend(new EmulatorDriver(new EmulatorOptions { Checked = isChecked }));
        using var managed = new CpuBackend();
        const int Rows = 37, Width = 67; // a part of a block, and more than two warps' width
        double[] values = Values.Normal(Rows * Width, seed: 1);
        double[] gradient = Values.Normal(Rows * Width, seed: 2);

        (NdArray y, NdArray dx) = Run(emulator);
        (NdArray expectedY, NdArray expectedDx) = Run(managed);

        TensorAssert.Close(expectedY.ToDoubles(), y, Tolerance.For(dtype, reduced: Width), "y");
        TensorAssert.Close(expectedDx.ToDoubles(), dx, Tolerance.For(dtype, reduced: Width), "dx");

        (NdArray Y, NdArray Dx) Run(IBackend backend)
        {
            NdArray x = NdArray.FromDoubles(backend, values, [Rows, Width], dtype);
            NdArray dy = NdArray.FromDoubles(backend, gradient, [Rows, Width], dtype);
            (NdArray y, NdArray norm) = backend.L2Normalize(x, 1e-3);
            return (y, backend.L2NormalizeBackward(dy, y, norm, 1e-3));
        }
    }
}
