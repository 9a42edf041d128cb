using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.Data.Sets;
using CudaViT.Emulator;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Devices;

/// <summary>
/// That a batch travels while the step before it is computed, and that nothing waits too little for it.
/// </summary>
public sealed class OverlapTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;

    public OverlapTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(1) with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public void Dispose() => _folder.Dispose();

    // The device has the step up to its gradients, then the next batch; then the host waits, once; then comes the
    // update.
    [SkippableFact]
    public void The_next_batch_is_sent_before_the_one_wait_of_a_step()
    {
        Skip.If(EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);
        IImageDataset images = DatasetLocator.Open(_folder["data"]).Train;
        var journal = new JournalDriver(new EmulatorDriver(new EmulatorOptions { Checked = false }));
        using var backend = new CudaBackend(journal);
        var learner = new MoCoLearner(_settings, backend, images.Normalization);
        using var feed = BatchFeed.OfPairs(images, _settings, backend);
        for (int step = 0; step < 4; step++)
        {
            journal.Calls.Clear();
            Assert.True(feed.TryNext(out DeviceBatch? batch));
            using (var scope = new StepScope())
            {
                learner.Step(
                    [batch.View(0), batch.View(1)],
                    epoch: step / 6.0,
                    onBusy: () => SpinWait.SpinUntil(() => Send(feed)));
            }

            if (step == 0)
            {
                continue; // sends its own batch as well
            }

            int sent = journal.Calls.IndexOf("send in Copy");
            int read = journal.Calls.IndexOf("read");
            Assert.Equal("send in Copy", journal.Calls[sent + 1]); // the second view
            Assert.Equal(2, journal.Calls.Count(call => call == "send in Copy"));
            Assert.Equal(1, journal.Calls.Count(call => call == "read"));
            Assert.DoesNotContain("copy from host", journal.Calls);
            Assert.True(sent < read);
            int backward = journal.Calls.FindLastIndex(call => call.Contains("backward", StringComparison.Ordinal));
            Assert.InRange(backward, 1, sent - 1);
            Assert.Equal(sent + 2, read); // nothing is asked for in between
            Assert.All(
                journal.Calls[(read + 1)..], call => Assert.Matches("^(launch adamw_step|copy addresses)", call));
        }
    }

    // On a device whose streams run only when somebody waits for them, a wait too few would show.
    [SkippableFact]
    public void A_device_that_is_behind_ends_in_the_same_bits()
    {
        Skip.If(EmulatorDriver.Unavailable is not null, EmulatorDriver.Unavailable);
        foreach (bool isLazy in (bool[])[false, true])
        {
            using var backend = new CudaBackend(
                new EmulatorDriver(new EmulatorOptions { Checked = false, Lazy = isLazy }));
            ReportedRun.Of(_settings, new RunFolder(_folder[$"{isLazy}"]), backend, new SilentProgress())
                .Run(resume: false, default);
        }

        RunContent.AssertSame(_folder[$"{false}"], _folder[$"{true}"]);
    }

    private static bool Send(BatchFeed feed)
    {
        feed.SendAhead();
        return feed.IsNextOnItsWay;
    }
}
