using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Vit;

public sealed class VisionTransformerTests
{
    // Parameters with the position table, and its size: computed by hand from the published shapes.
    public static TheoryData<string, ModelSettings, long, long> Sizes => new()
    {
        { "ViT-S/16", ModelSettings.VitSmall, 21_665_664, 75_648 },
        { "ViT-B/16", ModelSettings.VitBase, 85_798_656, 151_296 },
        { "ViT-L/16", ModelSettings.VitLarge, 303_301_632, 201_728 },
        { "ViT-H/14", ModelSettings.VitHuge, 630_764_800, 328_960 },
        { "ViT-B/7", ModelSettings.VitBase7, 85_957_632, 787_200 },
        { "ViT-L/7", ModelSettings.VitLarge7, 303_513_600, 1_049_600 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Backbones_have_the_published_sizes(string name, ModelSettings settings, long count, long positions)
    {
        var encoder = new VisionTransformer(settings);
        Assert.True(count == encoder.ParameterCount - encoder.Projector.ParameterCount, name);
        Assert.Equal(positions, encoder.Parameters().Single(parameter => parameter.Name == "pos_embed").Shape.Count);
    }

    [Theory]
    [InlineData("vit-s-300", 42_815_104, 19_415_040)]
    [InlineData("vit-b-300", 108_150_016, 20_987_904)]
    [InlineData("vit-l-300", 326_454_272, 22_036_480)]
    public void Presets_train_as_many_parameters_as_published(string preset, long trainable, long projector)
    {
        var model = new MoCoV3(Presets.Find(preset).Model, temperature: 0.2);
        Assert.Equal(trainable, model.TrainableParameterCount);
        Assert.Equal(projector, model.BaseEncoder.Projector.ParameterCount);
        Assert.Equal(2_105_344, model.Predictor!.ParameterCount);
    }

    [Fact]
    public void A_huge_model_is_counted_without_memory_for_it()
    {
        var model = new MoCoV3(ModelSettings.VitHuge with { FreezePatch = true }, temperature: 0.2);
        Assert.Equal(654_872_320, model.TrainableParameterCount);
    }

    [Fact]
    public void Rows_and_columns_of_the_position_table_are_symmetric()
    {
        (int grid, int width) = (5, 12);
        double[] table = SinCosTable.Make(grid, grid, width, hasClassToken: false);
        for (int row = 0; row < grid; row++)
        {
            for (int column = 0; column < grid; column++)
            {
                int half = width / 2;
                int here = ((row * grid) + column) * width;
                int turned = (((column * grid) + row) * width) + half;
                Assert.Equal(table[turned..(turned + half)], table[here..(here + half)]);
            }
        }

        // Channel D/4 is the cosine of the row at frequency 1: the row comes first.
        Assert.Equal(Math.Cos(2), table[(((2 * grid) + 3) * width) + (width / 4)], 1e-15);
    }

    [Theory]
    [InlineData(MlpNorm.Layer)]
    [InlineData(MlpNorm.Batch)]
    [Trait("Category", "GradCheck")]
    public void A_block_passes_gradcheck(MlpNorm norm)
    {
        using TestRun run = Backends.Open("cpu");
        var block = new Block(width: 8, heads: 2, hidden: 32, norm);
        block.Initialize(run.Backend, DType.F64, seed: 1);
        GradCheck.Run(x => block.Forward(x), run.Normal([2, 5, 8], DType.F64, seed: 2));
    }

    [Fact]
    public void Images_of_another_size_are_named()
    {
        using TestRun run = Backends.Open("cpu");
        var encoder = new VisionTransformer(ModelSettings.VitTiny with { Depth = 1, ImageSize = 32 });
        encoder.Initialize(run.Backend, DType.F32, seed: 1);
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => encoder.Features(run.Normal([2, 3, 32, 48], DType.F32, seed: 1)));
        Assert.Contains("[B, 3, 32, 32]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 3, 32, 48]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_values_says_so()
    {
        var encoder = new VisionTransformer(ModelSettings.VitTiny);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => encoder.State());
        Assert.Contains("cls_token", error.Message, StringComparison.Ordinal);
    }
}
