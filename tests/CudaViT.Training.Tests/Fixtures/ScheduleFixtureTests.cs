using System.Text.Json;
using CudaViT.TestKit;
using CudaViT.Training.Optim;

namespace CudaViT.Training.Tests;

[Trait("Category", "Fixtures")]
public sealed class ScheduleFixtureTests
{
    private const double Relative = 1e-12;

    private static readonly JsonElement Recorded =
        JsonDocument.Parse(File.ReadAllText(Fixtures.File("schedules", "schedules.json"))).RootElement;

    public static TheoryData<string> Pretraining => [.. Names("pretrain")];

    public static TheoryData<string> LinearProbes => [.. Names("linear")];

    [Theory, MemberData(nameof(Pretraining))]
    public void Pretraining_agrees_at_every_recorded_iteration(string name)
    {
        JsonElement settings = Recorded.GetProperty("pretrain").GetProperty(name);
        double peak = Schedules.ScaledRate(Number(settings, "lr"), settings.GetProperty("batch").GetInt32());
        Agree(Number(settings, "scaled_lr"), peak, "scaled_lr");
        string[] columns = [.. settings.GetProperty("columns").EnumerateArray().Select(column => column.GetString()!)];
        foreach (JsonElement row in settings.GetProperty("rows").EnumerateArray())
        {
            double At(string column) => row[Array.IndexOf(columns, column)].GetDouble();
            double epoch = At("epoch") + (At("iteration") / Number(settings, "iters_per_epoch"));
            double epochs = Number(settings, "epochs");
            double rate = Schedules.WarmupCosine(epoch, peak, Number(settings, "warmup_epochs"), epochs);
            double momentum = Schedules.EncoderMomentum(epoch, Number(settings, "m"), epochs, cosine: true);
            Agree(At("lr"), rate, $"lr at {epoch}");
            Agree(At("m_cosine"), momentum, $"m at {epoch}");
        }
    }

    [Theory, MemberData(nameof(LinearProbes))]
    public void Linear_probing_agrees_at_every_epoch(string name)
    {
        JsonElement settings = Recorded.GetProperty("linear").GetProperty(name);
        double peak = Schedules.ScaledRate(Number(settings, "lr"), settings.GetProperty("batch").GetInt32());
        foreach (JsonElement row in settings.GetProperty("rows").EnumerateArray())
        {
            int epoch = row[0].GetInt32();
            double rate = Schedules.Cosine(epoch, peak, settings.GetProperty("epochs").GetInt32());
            Agree(row[1].GetDouble(), rate, $"lr at {epoch}");
        }
    }

    private static IEnumerable<string> Names(string kind) =>
        Recorded.GetProperty(kind).EnumerateObject().Select(property => property.Name);

    private static double Number(JsonElement settings, string name) => settings.GetProperty(name).GetDouble();

    // A recorded 0 has to be 0.
    private static void Agree(double expected, double actual, string what) => Assert.True(
        Math.Abs(actual - expected) <= Relative * Math.Abs(expected), $"{what}: {actual:g17}, expected {expected:g17}");
}
