using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

public sealed class CastTests
{
    // From the definition: below, at and above the midpoint between two neighbours; at the midpoint, the even one wins,
    // downwards from 1 and upwards from 1 + 2⁻⁷; a carry into the exponent; the largest value, and what rounds past it.
    [Theory]
    [InlineData(0x3F800000u, 0x3F80)]
    [InlineData(0x3F807FFFu, 0x3F80)]
    [InlineData(0x3F808000u, 0x3F80)]
    [InlineData(0x3F808001u, 0x3F81)]
    [InlineData(0x3F818000u, 0x3F82)]
    [InlineData(0x3F817FFFu, 0x3F81)]
    [InlineData(0x3FFFFFFFu, 0x4000)]
    [InlineData(0x7F7F7FFFu, 0x7F7F)]
    [InlineData(0x7F7F8000u, 0x7F80)]
    [InlineData(0xFF7FFFFFu, 0xFF80)]
    [InlineData(0x7F800000u, 0x7F80)]
    [InlineData(0x80000000u, 0x8000)]
    [InlineData(0x00000001u, 0x0000)]
    [InlineData(0x00008001u, 0x0001)]
    public void Bfloat16_rounds_to_nearest_even(uint single, int expected)
    {
        float value = BitConverter.UInt32BitsToSingle(single);
        using TestRun run = Backends.Open("cpu");

        BFloat16 cast = NdArray.From<float>(run.Backend, [value], [1]).Cast(DType.BF16).ToArray<BFloat16>()[0];

        Assert.Equal((ushort)expected, ((BFloat16)value).Bits);
        Assert.Equal((ushort)expected, cast.Bits);
    }

    // A whole vector at a time must do what one element does; 37 is two vectors of 16 and a rest, and the lower halves
    // stand below, at and above the midpoint behind every upper half, NaN among them.
    [Fact]
    public void Vectors_round_like_single_elements()
    {
        using TestRun run = Backends.Open("cpu");
        uint[] lower = [0x0000, 0x0001, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
        float[] values = [.. Enumerable.Range(0, 1 << 16)
            .SelectMany(upper => lower.Select(low => BitConverter.UInt32BitsToSingle(((uint)upper << 16) | low)))];

        foreach (float[] part in values.Chunk(37))
        {
            NdArray cast = NdArray.From<float>(run.Backend, part, [part.Length]).Cast(DType.BF16);
            Assert.Equal(part.Select(value => ((BFloat16)value).Bits), cast.ToArray<BFloat16>().Select(b => b.Bits));
        }
    }

    // A NaN whose payload is in the lower half only would become an infinity if its upper half were taken.
    [Theory]
    [InlineData(0x7F800001u)]
    [InlineData(0x7FC00000u)]
    [InlineData(0xFFFFFFFFu)]
    public void NaN_stays_NaN_in_every_floating_type(uint single)
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = NdArray.From<float>(run.Backend, [BitConverter.UInt32BitsToSingle(single)], [1]);

        Assert.True(double.IsNaN(x.Cast(DType.BF16).Item()));
        Assert.True(double.IsNaN(x.Cast(DType.F64).Item()));
        Assert.True(double.IsNaN(x.Cast(DType.BF16).Cast(DType.F32).Item()));
    }

    [Fact]
    public void Every_bfloat16_survives_the_way_through_wider_types()
    {
        using TestRun run = Backends.Open("cpu");
        BFloat16[] all =
            [.. Enumerable.Range(0, 1 << 16).Select(bits => new BFloat16((ushort)bits)).Where(b => !float.IsNaN(b))];
        NdArray x = NdArray.From<BFloat16>(run.Backend, all, [all.Length]);

        TensorAssert.SameBits(x, x.Cast(DType.F32).Cast(DType.BF16), "through F32");
        TensorAssert.SameBits(x, x.Cast(DType.F64).Cast(DType.BF16), "through F64");
    }

    [Fact]
    public void Every_pair_of_types_converts_small_whole_numbers_exactly()
    {
        using TestRun run = Backends.Open("cpu");
        DType[] types = Enum.GetValues<DType>();
        double[] values = [0, 1, 2, 77, 128];
        foreach (DType from in types)
        {
            foreach (DType to in types)
            {
                NdArray y = run.Array(values, [5], from).Cast(to);
                Assert.Equal(to, y.DType);
                Assert.Equal(values, y.ToDoubles());
            }
        }
    }

    [Fact]
    public void Casting_to_the_same_type_returns_the_same_array()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = run.Array([1], [1], DType.F32);
        Assert.Same(x, x.Cast(DType.F32));
    }

    [Fact]
    public void The_gradient_of_a_cast_has_the_type_of_the_input()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [2], DType.F64);

        x.Cast(DType.BF16).Backward(run.Array([0.5, 3], [2], DType.BF16));

        Assert.Equal(DType.F64, x.Grad!.DType);
        Assert.Equal([0.5, 3], x.Grad.ToDoubles());
        Assert.Throws<ArgumentException>(() => x.Cast(DType.I32));
    }
}
