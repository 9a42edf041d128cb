using CudaViT.Cli.Output;

namespace CudaViT.Training.Tests.Cli;

public sealed class ProgressLineTests
{
    // All of it; the least important gone; more gone, and the field in brackets with its space; the last ones stay and
    // are cut.
    [Theory]
    [InlineData(100, "epoch 1  loss 2.5 (80 %)  lr 0.1  left 1:00")]
    [InlineData(43, "epoch 1  loss 2.5 (80 %)  lr 0.1  left 1:00")]
    [InlineData(42, "epoch 1  loss 2.5 (80 %)  left 1:00")]
    [InlineData(30, "epoch 1  loss 2.5  left 1:00")]
    [InlineData(20, "epoch 1  loss 2.5")]
    [InlineData(10, "epoch 1")]
    [InlineData(5, "epoch")]
    [InlineData(0, "")]
    [InlineData(-3, "")]
    public void Fields_drop_by_importance_until_the_line_fits(int width, string expected)
    {
        ProgressLine line = new ProgressLine()
            .Add(0, "epoch 1").Add(0, "loss 2.5").Add(2, "(80 %)").Add(3, "lr 0.1").Add(9, "").Add(1, "left 1:00");
        Assert.Equal(expected, line.Fit(width));
    }

    // What other commands report: fields from the end go first, but not the time left.
    [Theory]
    [InlineData(80, "step 3/9  epoch 0.3  loss 1.25  lr 1e-4  left 0:20")]
    [InlineData(35, "step 3/9  epoch 0.3  left 0:20")]
    [InlineData(20, "step 3/9  left 0:20")]
    [InlineData(9, "step 3/9")]
    public void A_text_of_fields_keeps_the_first_ones_and_the_time_left(int width, string expected) =>
        Assert.Equal(expected, WorkProgress.Fit("step 3/9  epoch 0.3  loss 1.25  lr 1e-4", "left 0:20", width));
}
