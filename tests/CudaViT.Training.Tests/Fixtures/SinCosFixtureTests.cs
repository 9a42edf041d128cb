using System.Globalization;
using System.Text.RegularExpressions;
using CudaViT.TestKit;
using CudaViT.Training.Models.Vit;

namespace CudaViT.Training.Tests;

[Trait("Category", "Fixtures")]
public sealed partial class SinCosFixtureTests
{
    // The reference computes in float32; its own largest difference from the formula is 6.7e-7.
    private const double Bound = 5e-6;

    public static TheoryData<string> Names => [.. new Recording(Fixtures.File("sincos", "sincos.safetensors")).Names];

    [Theory, MemberData(nameof(Names))]
    public void Tables_agree_with_the_recorded_ones(string name)
    {
        var recording = new Recording(Fixtures.File("sincos", "sincos.safetensors"));
        Match size = Size().Match(name);
        int Number(string group) => int.Parse(size.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

        // The recorded enumeration of a grid that is not square has H entries per i, so it is the table of the grid
        // turned by a quarter.
        double[] table = SinCosTable.Make(rows: Number("w"), columns: Number("h"), Number("d"), hasClassToken: true);

        ModelAssert.Within(recording[name], table, name, Bound);
    }

    [GeneratedRegex(@"h(?<h>\d+)_w(?<w>\d+)_d(?<d>\d+)$")]
    private static partial Regex Size();
}
