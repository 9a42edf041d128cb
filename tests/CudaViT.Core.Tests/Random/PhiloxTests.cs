namespace CudaViT.Core.Tests.Random;

public sealed class PhiloxTests
{
    // The three "philox4x32 10" rows of the authors' own kat_vectors file: all zeros, all ones, the digits of pi.
    [Theory]
    [InlineData(0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x0000000000000000,
        0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffffffffffff,
        0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0x299f31d0a4093822,
        0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void Blocks_are_the_published_known_answers(
        uint c0, uint c1, uint c2, uint c3, ulong key, uint x0, uint x1, uint x2, uint x3) =>
        Assert.Equal(new PhiloxBlock(x0, x1, x2, x3), Philox.Block(key, new PhiloxBlock(c0, c1, c2, c3)));

    [Fact]
    public void Floats_and_doubles_come_from_the_top_bits_and_stay_below_one()
    {
        Assert.Equal(0f, PhiloxBlock.ToSingle(0x000000ff));
        Assert.Equal(1f / (1 << 24), PhiloxBlock.ToSingle(0x00000100));
        Assert.Equal(1f - (1f / (1 << 24)), PhiloxBlock.ToSingle(uint.MaxValue));

        var block = new PhiloxBlock(0x00000800, 0, uint.MaxValue, uint.MaxValue);
        Assert.Equal(Math.ScaleB(1, -53), block.Double0);
        Assert.Equal(1 - Math.ScaleB(1, -53), block.Double1);
    }

    [Fact]
    public void Normals_are_finite_at_both_ends_of_the_uniform_range()
    {
        (double first, double second) = new PhiloxBlock(0, 0, 0, 0).ToNormals(); // u = 1, radius 0
        Assert.Equal(0, first);
        Assert.Equal(0, second);

        (first, second) = new PhiloxBlock(uint.MaxValue, uint.MaxValue, 0, 0).ToNormals(); // u = 2^-53, angle 0
        Assert.Equal(Math.Sqrt(2 * 53 * Math.Log(2)), first, precision: 12);
        Assert.Equal(0, second);
    }
}
