namespace CudaViT.Core.Tests;

public sealed class MemorySizeTests
{
    [Theory]
    [InlineData("123456", 123456L)]
    [InlineData("512 MiB", 512L << 20)]
    [InlineData("1.5GiB", 3L << 29)]
    [InlineData("80g", 80L << 30)]
    [InlineData("2KB", null)]
    [InlineData("much", null)]
    [InlineData("0", null)]
    [InlineData("-1G", null)]
    public void Sizes_are_read_with_their_units(string text, long? bytes)
    {
        if (bytes is { } expected)
        {
            Assert.Equal(expected, MemorySize.Parse(text));
        }
        else
        {
            var error = Assert.Throws<FormatException>(() => MemorySize.Parse(text));
            Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(3L << 29, "1.5 GiB")]
    [InlineData(81559L << 20, "79.6 GiB")]
    public void Sizes_are_written_in_their_largest_unit(long bytes, string text) =>
        Assert.Equal(text, MemorySize.Text(bytes));

    [Fact]
    public void A_limit_that_is_no_size_is_told_in_one_line()
    {
        Assert.Null(MemoryLimit.Read(null));
        Assert.Null(MemoryLimit.Read(" "));
        Assert.Equal(1 << 30, MemoryLimit.Read("1GiB"));

        var error = Assert.Throws<DeviceMemoryException>(() => MemoryLimit.Read("lots"));

        Assert.Equal(
            "CUDAVIT_MEMORY_LIMIT: 'lots' is no size of memory; expected for example 512MiB or 1.5GiB.", error.Message);
    }
}
