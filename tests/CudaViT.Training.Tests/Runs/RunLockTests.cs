using CudaViT.Cpu;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>A folder of a run has one owner.</summary>
public sealed class RunLockTests : IDisposable
{
    private const int Long = 100_000; // epochs: no test waits for the last one

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Real processes. The second one is refused with and without --resume and changes nothing; once the first one was
    // killed, whose file stays behind, the next one goes on.
    [Theory]
    [InlineData("train")]
    [InlineData("finetune")]
    [InlineData("linear")]
    public void A_second_process_is_refused_and_the_next_one_goes_on_after_a_kill(string command)
    {
        string[] arguments = Arguments(command);
        using (CliProcess first = CliProcess.Start([.. arguments, "--resume"]))
        {
            WaitForCheckpoint(first, 1);
            foreach (string[] more in (string[][])[["--resume"], []])
            {
                (int status, _, string error) = CliProcess.Run([.. arguments, .. more]);
                Assert.Equal(1, status);
                CommandRunner.AssertOneLine(error);
                Assert.Contains($"cudavit {command} (process {first.Id} on {Environment.MachineName}, since ", error);
                Assert.Contains(_folder["run"], error);
                Assert.Contains("--out", error);
            }

            long step = NewestCheckpoint();
            WaitForCheckpoint(first, step + 1); // the first one does not notice
            first.Kill();
        }

        Assert.True(File.Exists(_folder["run", RunLock.FileName]));
        using CliProcess next = CliProcess.Start([.. arguments, "--resume"]);
        WaitForCheckpoint(next, NewestCheckpoint() + 1);
        next.Signal("INT");
        (int end, string output, string complaint) = next.Finish();
        Assert.Equal((0, ""), (end, complaint));
        Assert.Contains("going on after step", output);
        Assert.False(File.Exists(_folder["run", RunLock.FileName]));
    }

    [Fact]
    public void Another_owner_in_this_process_is_refused_too_and_the_same_one_may_ask_twice()
    {
        var folder = new RunFolder(_folder["run"]);
        using (folder.Own())
        {
            using (folder.Own())
            {
                Refused();
            }

            Refused();
        }

        new RunFolder(_folder["run"]).Own().Dispose();

        void Refused()
        {
            string message = Assert.Throws<RunException>(() => new RunFolder(_folder["run"]).Own()).Message;
            Assert.Contains($"process {Environment.ProcessId} on {Environment.MachineName}", message);
            Assert.DoesNotContain('\n', message);
            Assert.True(folder.IsLocked);
        }
    }

    // .NET can be told not to lock files; the lock of a run is asked for by itself.
    [Fact]
    public void A_switch_of_the_runtime_does_not_turn_it_off()
    {
        using IDisposable owner = new RunFolder(_folder["run"]).Own();
        (int status, _, string error) = CliProcess.Run(
            new Dictionary<string, string?> { ["DOTNET_SYSTEM_IO_DISABLEFILELOCKING"] = "1" },
            "train", "--out", _folder["run"]);
        Assert.Equal(1, status);
        Assert.Contains($"process {Environment.ProcessId} on ", error);
    }

    // The folder that is made for the lock goes again when nothing was written into it, with those above it.
    [Fact]
    public void Nothing_stays_behind_but_what_a_run_writes()
    {
        new RunFolder(_folder["runs", "a"]).Own().Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));

        using (new RunFolder(_folder["runs", "a"]).Own())
        {
            File.WriteAllText(_folder["runs", "a", "notes.txt"], "mine");
        }

        Assert.Equal([_folder["runs", "a", "notes.txt"]], Directory.GetFileSystemEntries(_folder["runs", "a"]));
        Directory.CreateDirectory(_folder["empty"]);
        new RunFolder(_folder["empty"]).Own().Dispose();
        Assert.True(Directory.Exists(_folder["empty"])); // it was there before
    }

    // As a process that was killed leaves it, whatever it says; also where it was killed before it said anything.
    [Theory]
    [InlineData("")]
    [InlineData("""{"process":1,"program":"cudavit train","host":"elsewhere","since":"long ago","token":"x"}""")]
    public void A_file_without_a_lock_is_no_lock(string content)
    {
        Directory.CreateDirectory(_folder["run"]);
        File.WriteAllText(_folder["run", RunLock.FileName], content);
        var folder = new RunFolder(_folder["run"]);
        using (folder.Own())
        {
            folder.Create(); // the file does not make the folder one that is not empty
            Assert.Throws<RunException>(() => new RunFolder(_folder["run"]).Own());
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder["run"]));
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_line()
    {
        File.WriteAllText(_folder["file"], "");
        string message = Assert.Throws<RunException>(() => new RunFolder(_folder["file", "run"]).Own()).Message;
        Assert.Contains(_folder["file", "run"], message);
        Assert.Contains("--out", message);
        Assert.DoesNotContain('\n', message);
    }

    // Every owner removes the file at its end: somebody else may just have opened it.
    [Fact]
    public void There_is_never_more_than_one_owner()
    {
        int owners = 0;
        int turns = 0;
        bool isShared = false;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int attempt = 0; attempt < 2000; attempt++)
            {
                try
                {
                    using IDisposable owner = new RunFolder(_folder["run"]).Own();
                    isShared |= Interlocked.Increment(ref owners) > 1;
                    Interlocked.Increment(ref turns);
                    Thread.Yield();
                    Interlocked.Decrement(ref owners);
                }
                catch (RunException)
                {
                    // Somebody else has it.
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.False(isShared);
        Assert.True(turns > 0);
    }

    // Arguments of a run that lasts, with a checkpoint after every epoch.
    private string[] Arguments(string command)
    {
        using var backend = new CpuBackend();
        switch (command)
        {
            case "train":
                string settings = TinyRun.WriteSettings(_folder, Long);
                return [command, "--settings", settings, "--out", _folder["run"], "--threads", "1"];
            case "finetune":
                File.WriteAllText(
                    _folder["tiny.json"], SettingsJson.Write(TinyTuning.Prepare(_folder, backend, epochs: Long)));
                return [command, "--settings", _folder["tiny.json"], "--out", _folder["run"], "--threads", "1"];
            default:
                TinyRun.WriteData(_folder["data"]);
                string model = ModelFile.Write(_folder["model"], backend, TinyRun.Settings.Model);
                return
                [
                    command, "--checkpoint", model, "--data", _folder["data"], "--out", _folder["run"],
                    "--epochs", $"{Long}", "--batch", "8", "--lr", "1", "--threads", "1",
                ];
        }
    }

    private void WaitForCheckpoint(CliProcess process, long step)
    {
        while (!process.HasExited && NewestCheckpoint() < step)
        {
            Thread.Sleep(5);
        }

        Assert.False(process.HasExited);
    }

    private long NewestCheckpoint() => !Directory.Exists(_folder["run", "checkpoints"])
        ? 0
        : Directory.GetFiles(_folder["run", "checkpoints"], "*.json")
            .Select(path => long.Parse(Path.GetFileNameWithoutExtension(path)[5..]))
            .DefaultIfEmpty()
            .Max();
}
