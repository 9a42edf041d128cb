using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class CastTests
{
    public static TheoryData<string, DType, DType> Pairs
    {
        get
        {
            var data = new TheoryData<string, DType, DType>();
            foreach (string backend in Backends.Names)
            {
                foreach (DType from in Enum.GetValues<DType>())
                {
                    foreach (DType to in Enum.GetValues<DType>())
                    {
                        data.Add(backend, from, to);
                    }
                }
            }

            return data;
        }
    }

    // Whole packs and a rest; a view that starts at no multiple of 16 bytes; nothing.
    [Theory, MemberData(nameof(Pairs))]
    public void Numbers_that_both_types_have_are_kept(string backend, DType from, DType to)
    {
        using TestRun run = Backends.Open(backend);
        double[] values = [.. Enumerable.Range(0, 1050).Select(i => (double)(i % 129))];
        NdArray x = run.Array(values, [1050], from);

        NdArray y = run.Backend.Cast(x, to);
        NdArray ofView = run.Backend.Cast(x.Rows(1, 1050), to);
        NdArray ofNothing = run.Backend.Cast(x.Rows(3, 3), to);

        Assert.Equal(to, y.DType);
        Assert.Equal(values, y.ToDoubles());
        Assert.Equal(values[1..], ofView.ToDoubles());
        Assert.Equal(0, ofNothing.Count);
    }

    // Fractions of both signs; ties; what lies beyond 8, 32 and 64 bits; infinities; NaN. The managed backend casts
    // with C#'s own operators.
    [Theory, MemberData(nameof(Pairs))]
    public void All_others_become_what_they_do_in_CSharp(string backend, DType from, DType to)
    {
        using TestRun run = Backends.Open(backend);
        using TestRun managed = Backends.Open(Backends.Cpu);
        double[] values = from switch
        {
            DType.U8 => [0, 1, 127, 128, 255],
            DType.I32 => [-1, -129, 300, 65_537, 16_777_217, 16_777_219, int.MaxValue, int.MinValue, int.MaxValue - 64],
            DType.I64 => [-1, -129, 300, 16_777_217, 1L << 31, -(1L << 31) - 1, (1L << 53) + 2, -(1L << 62), 1L << 62],
            _ =>
            [
                0.5, 1.5, -0.5, -1.5, 2.999, -2.999, 255.75, 256, 300.5, -200, 1 + Math.ScaleB(1, -8),
                1 + (3 * Math.ScaleB(1, -8)),
                1 + Math.ScaleB(1, -24), 2147483520, 2147483648, -2147483648, -2147483904, 3e9, -3e9, 1e18, -1e18, 1e19,
                -1e19,
                3e38, -3e38, 1e-40, 1e300, double.PositiveInfinity, double.NegativeInfinity, double.NaN,
            ],
        };

        NdArray y = run.Backend.Cast(run.Array(values, [values.Length], from), to);

        NdArray expected = managed.Backend.Cast(managed.Array(values, [values.Length], from), to);
        TensorAssert.Within(expected.ToDoubles(), y, bound: 0);
    }
}
