using CudaViT.Training.Optim;

namespace CudaViT.Training.Tests.Optim;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(0, 0)]         // the first iteration of a warm-up does not move
    [InlineData(20, 0.5)]
    [InlineData(40, 1)]        // peak
    [InlineData(170, 0.5)]     // half-way between the end of the warm-up and the end
    [InlineData(300, 0)]
    public void The_learning_rate_rises_and_falls(double epoch, double share) =>
        Assert.Equal(share * 2.4e-3, Schedules.WarmupCosine(epoch, 2.4e-3, warmupEpochs: 40, epochs: 300), 1e-15);

    [Theory]
    [InlineData(0, 0.99)]
    [InlineData(0.25, 0.9915)]
    [InlineData(0.5, 0.995)]
    [InlineData(0.75, 0.9985)]
    [InlineData(1, 1)]
    public void The_momentum_rises_to_one(double share, double expected)
    {
        Assert.Equal(expected, Schedules.EncoderMomentum(share * 300, 0.99, 300, cosine: true), 5e-5);
        Assert.Equal(0.99, Schedules.EncoderMomentum(share * 300, 0.99, 300, cosine: false));
    }

    [Fact]
    public void Doubling_the_batch_doubles_the_peak()
    {
        Assert.Equal(2.4e-3, Schedules.ScaledRate(1.5e-4, 4096), 1e-15);
        Assert.Equal(2 * Schedules.ScaledRate(1.5e-4, 1024), Schedules.ScaledRate(1.5e-4, 2048));
    }
}
