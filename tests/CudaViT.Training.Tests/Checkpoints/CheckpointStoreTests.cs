using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");
    private readonly List<string> _reports = [];

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // Every element type, a scalar, an empty array, and one larger than the copy buffer of 4 MiB.
    [Fact]
    public void What_was_saved_is_read_back_bit_for_bit()
    {
        NamedArray[] arrays =
        [
            new("base_encoder.cls_token", _run.Array(Values.Normal(6, seed: 1), [1, 1, 6], DType.F32)),
            new("opt.base_encoder.cls_token.m", _run.Array(Values.Normal(6, seed: 2), [1, 1, 6], DType.F64)),
            new("base_encoder.head.1.num_batches_tracked", _run.Array([7], [], DType.I64)),
            new("half", _run.Array([0.5, -1], [2], DType.BF16)),
            new("indices", _run.Array([3, -4], [2], DType.I32)),
            new("mask", _run.Array([0, 255], [2], DType.U8)),
            new("empty", _run.Array([], [0, 3], DType.F32)),
            new("large", _run.Array(Values.Normal((1 << 20) + 3, seed: 3), [(1 << 20) + 3], DType.F32)),
        ];
        var metadata = new Dictionary<string, string> { ["a"] = "b" };
        Store(keep: 1).Save(Info(step: 12) with { Accuracy = 0.5 }, arrays, metadata);

        Checkpoint found = Store(keep: 1).FindNewest(_reports.Add)!;
        Dictionary<string, NdArray> read = found.Read(_run.Backend);
        Assert.Empty(_reports);
        Assert.Equal(12, found.Info.Step);
        Assert.Equal(0.5, found.Info.Accuracy);
        Assert.Equal(arrays.Length, read.Count);
        Assert.All(arrays, named => TensorAssert.SameBits(named.Array, read[named.Name], named.Name));
    }

    [Fact]
    public void The_newest_ones_and_the_best_stay()
    {
        CheckpointStore store = Store(keep: 2);
        double?[] accuracies = [0.6, 0.8, null, 0.8, 0.7, null]; // of two equally good ones the older is the best
        for (int step = 0; step < accuracies.Length; step++)
        {
            store.Save(Info(step) with { Accuracy = accuracies[step] }, Arrays(step));
        }

        Assert.Equal(
            ["step-00000001", "step-00000004", "step-00000005"],
            Files(".json").Select(Path.GetFileNameWithoutExtension));
        Assert.Equal(Files(".json").Count(), Files(".safetensors").Count());
    }

    // Tensors flipped by one bit, cut off, gone; JSON cut off, empty, of another step.
    [Theory]
    [InlineData("flip")]
    [InlineData("cut")]
    [InlineData("missing")]
    [InlineData("json cut")]
    [InlineData("json empty")]
    [InlineData("json step")]
    public void A_damaged_newest_checkpoint_is_set_aside_and_the_one_before_taken(string damage)
    {
        CheckpointStore store = Store(keep: 3);
        store.Save(Info(1), Arrays(1));
        store.Save(Info(2), Arrays(2));
        Damage(damage, _folder["step-00000002.safetensors"], _folder["step-00000002.json"]);

        Checkpoint found = store.FindNewest(_reports.Add)!;
        Assert.Equal(1, found.Info.Step);
        TensorAssert.SameBits(Arrays(1)[0].Array, found.Read(_run.Backend)["w"]);
        string report = Assert.Single(_reports);
        Assert.Contains("step-00000002", report);
        Assert.Contains("damaged", report);
        Assert.DoesNotContain('\n', report);
        Assert.NotEmpty(Files(".corrupt"));

        // The run comes by again.
        store.Save(Info(2), Arrays(2));
        Assert.Equal(2, store.FindNewest(_reports.Add)!.Info.Step);
    }

    // A process can be killed between any two system calls: these are the states on disk that it can leave.
    [Fact]
    public void What_a_killed_write_leaves_is_never_taken_and_is_cleaned_up()
    {
        CheckpointStore store = Store(keep: 3);
        store.Save(Info(1), Arrays(1));
        byte[] tensors = File.ReadAllBytes(_folder["step-00000001.safetensors"]);
        File.WriteAllBytes(_folder["step-00000002.safetensors.tmp"], tensors[..^5]);
        Assert.Equal(1, store.FindNewest(_reports.Add)!.Info.Step);
        File.WriteAllBytes(_folder["step-00000002.safetensors"], tensors);
        Assert.Equal(1, store.FindNewest(_reports.Add)!.Info.Step);
        File.WriteAllText(_folder["step-00000002.json.tmp"], "{");
        Assert.Equal(1, store.FindNewest(_reports.Add)!.Info.Step);
        File.WriteAllText(_folder["step-notes.txt"], "not ours");

        store.CleanUp();
        Assert.Empty(_reports);
        Assert.Equal(
            ["step-00000001.json", "step-00000001.safetensors", "step-notes.txt"],
            Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
    }

    // The disk fills up at every byte of a checkpoint in turn, tensors and JSON alike.
    [Fact]
    public void A_full_disk_is_one_line_and_loses_nothing()
    {
        Store(keep: 3).Save(Info(1), Arrays(1));
        string[] before = [.. Directory.GetFiles(_folder.Path).Order()];
        long size = before.Sum(path => new FileInfo(path).Length);
        for (long room = 0; room < size; room += 7)
        {
            var error = Assert.Throws<CheckpointException>(
                () => Store(keep: 3, new FullDisk(room).Files).Save(Info(2), Arrays(2)));
            Assert.Contains("No space left", error.Message);
            Assert.Contains("step-00000002", error.Message);
            Assert.Contains("bytes are needed", error.Message);
            Assert.DoesNotContain('\n', error.Message);
            Assert.Equal(1, Store(keep: 3).FindNewest(_reports.Add)!.Info.Step);
            Store(keep: 3).CleanUp();
            Assert.Equal(before, Directory.GetFiles(_folder.Path).Order());
        }

        Assert.Empty(_reports);
        var disk = new FullDisk(room: 100);
        CheckpointStore store = Store(keep: 3, disk.Files);
        Assert.Throws<CheckpointException>(() => store.Save(Info(2), Arrays(2)));
        disk.Free(size + 100);
        store.Save(Info(2), Arrays(2));
        Assert.Equal(2, store.FindNewest(_reports.Add)!.Info.Step);
    }

    // Two processes with one name for what they write, as two probes with one --out have: each comes to its end.
    [Fact]
    public void A_second_writer_leaves_the_first_ones_file_alone()
    {
        Twice(new DurableFiles(), new DurableFiles());
        Assert.Equal([1], File.ReadAllBytes(_folder["a.json"]));

        // With one temporary name for both, the second one is refused, and the first one does not notice.
        string message = Assert.Throws<CheckpointException>(
            () => Twice(new DurableFiles { Suffix = ".same.tmp" }, new DurableFiles { Suffix = ".same.tmp" })).Message;
        Assert.Contains("used by another process", message);
        Assert.Equal([1], File.ReadAllBytes(_folder["a.json"]));
        Assert.Equal(["a.json"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));

        void Twice(DurableFiles first, DurableFiles second)
        {
            CheckpointException? refused = null;
            first.Write(_folder["a.json"], 1, stream =>
            {
                try
                {
                    second.Write(_folder["a.json"], 1, other => other.WriteByte(2));
                }
                catch (CheckpointException e)
                {
                    refused = e;
                }

                stream.WriteByte(1);
            });
            if (refused is not null)
            {
                throw refused;
            }
        }
    }

    [Fact]
    public void An_empty_or_missing_folder_has_no_checkpoint()
    {
        var store = new CheckpointStore(_folder["none"], keep: 1);
        store.CleanUp();
        Assert.Null(store.FindNewest(_reports.Add));
        Assert.Empty(_reports);
    }

    // Freeing space does not bring a folder back.
    [Fact]
    public void A_folder_that_is_gone_is_said_to_be_gone()
    {
        string message = Assert.Throws<CheckpointException>(
            () => new DurableFiles().Write(_folder["gone", "a.json"], 3, stream => stream.Write([1, 2, 3]))).Message;
        Assert.Contains(_folder["gone", "a.json"], message);
        Assert.Contains("make it again or name another with --out", message);
        Assert.DoesNotContain("free some space", message);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_one_line()
    {
        File.WriteAllText(_folder["file"], "");
        var store = new CheckpointStore(_folder["file", "checkpoints"], keep: 1);
        string message = Assert.Throws<CheckpointException>(() => store.Save(Info(1), Arrays(1))).Message;
        Assert.Contains(_folder["file", "checkpoints"], message);
        Assert.DoesNotContain('\n', message);
    }

    private static void Damage(string how, string tensors, string json)
    {
        byte[] bytes = File.ReadAllBytes(tensors);
        string text = File.ReadAllText(json);
        switch (how)
        {
            case "flip": bytes[^3] ^= 16; File.WriteAllBytes(tensors, bytes); break;
            case "cut": File.WriteAllBytes(tensors, bytes[..^1]); break;
            case "missing": File.Delete(tensors); break;
            case "json cut": File.WriteAllText(json, text[..(text.Length / 2)]); break;
            case "json empty": File.WriteAllText(json, ""); break;
            default: File.WriteAllText(json, text.Replace("\"step\": 2", "\"step\": 3")); break;
        }
    }

    private static CheckpointInfo Info(long step) => new()
    {
        Step = step,
        Epoch = 0,
        StepInEpoch = (int)step,
        Seed = 1,
        Preset = "tiny",
        SettingsDigest = "d",
        Evaluations = 1,
    };

    private CheckpointStore Store(int keep, DurableFiles? files = null) => new(_folder.Path, keep, files);

    private IEnumerable<string> Files(string suffix) =>
        Directory.GetFiles(_folder.Path).Where(path => path.EndsWith(suffix, StringComparison.Ordinal)).Order();

    private NamedArray[] Arrays(int seed) => [new("w", _run.Array(Values.Normal(5, seed), [5], DType.F32))];
}
