using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

/// <summary>
/// A checkpoint is whole; or damaged, which its content proves; or of a form that is not known here; or not to be read
/// now. Only the second kind is passed over.
/// </summary>
public sealed class CheckpointStateTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");
    private readonly List<string> _reports = [];

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // No bit of the JSON file can change without being noticed, and none of these changes passes for another version.
    [Fact]
    public void Every_changed_bit_of_the_description_is_damage()
    {
        byte[] json = CheckpointFormat.Write(Info(2) with { Accuracy = 0.1, TensorFileSha256 = "ab" });
        Assert.Equal(2, CheckpointFormat.Read("x", json).Step);
        for (int bit = 0; bit < 8 * json.Length; bit++)
        {
            byte[] changed = [.. json];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidDataException>(() => CheckpointFormat.Read("x", changed));
        }
    }

    // The folder has an older checkpoint that is whole: going back to it would lose what a newer program has done.
    [Theory]
    [InlineData("newer", "has format 99, which a newer version wrote")]
    [InlineData("unknown key", "has the unknown key 'dataDigest2'")]
    [InlineData("missing key", "has other content than expected")]
    [InlineData("other type", "has other content than expected")]
    [InlineData("no format", "says no format")]
    public void What_another_version_wrote_stops_and_nothing_is_renamed(string how, string says)
    {
        Save(1, 2);
        Rewrite(2, json =>
        {
            switch (how)
            {
                case "newer": json["format"] = 99; json["loop"] = 1; break;
                case "unknown key": json["dataDigest2"] = "0"; break;
                case "missing key": json.Remove("epoch"); break;
                case "other type": json["epoch"] = "first"; break;
                default: json.Remove("format"); break;
            }
        });
        Stops(says, "step-00000002.json", "version of cudavit that wrote it");

        Save(3);
        Flip(_folder["step-00000003.safetensors"]); // damaged, and newer than the one that stops
        Stops(says, "step-00000002.json", "version of cudavit that wrote it");
    }

    [Theory]
    [InlineData(".json", false)]
    [InlineData(".json", true)]
    [InlineData(".safetensors", false)]
    [InlineData(".safetensors", true)]
    public void What_cannot_be_read_now_stops_and_nothing_is_renamed(string suffix, bool isForbidden)
    {
        Save(1, 2);
        Exception error = isForbidden
            ? new UnauthorizedAccessException("Access to the path is denied.")
            : new IOException("Input/output error : 'step-00000002'");
        DurableFiles files = new BrokenDisk(error, name => name == "step-00000002" + suffix).Files;
        Stops(error.Message.TrimEnd('.'), "step-00000002" + suffix, "--resume", files);

        Assert.Equal(2, Store().FindNewest(_reports.Add)!.Info.Step); // once it can be read again
        Assert.Empty(_reports);
    }

    // Left by a kill within a save, or all that is left of a checkpoint: only where another one counts is it known.
    [Fact]
    public void Tensors_that_belong_to_no_checkpoint_go_only_where_there_is_one()
    {
        Save(1, 2);
        File.Delete(_folder["step-00000002.json"]);
        File.Move(_folder["step-00000001.json"], _folder["away"]);
        Store().CleanUp();
        Assert.True(File.Exists(_folder["step-00000001.safetensors"]));
        Assert.True(File.Exists(_folder["step-00000002.safetensors"]));

        File.Move(_folder["away"], _folder["step-00000001.json"]);
        Store().CleanUp();
        Assert.False(File.Exists(_folder["step-00000002.safetensors"]));
        Assert.Equal(1, Store().FindNewest(_reports.Add)!.Info.Step);
    }

    [Fact]
    public void Where_all_are_damaged_a_run_begins_anew_only_when_told_to()
    {
        Save(1, 2);
        Flip(_folder["step-00000001.safetensors"]);
        File.WriteAllText(_folder["step-00000002.json"], "{");
        byte[] damaged = File.ReadAllBytes(_folder["step-00000001.safetensors"]);
        Stops("all 2 checkpoints are damaged", "step-00000002.json", "--begin-anew");
        Stops("all 2 checkpoints are damaged", "step-00000002.json", "--begin-anew"); // the same at the next attempt

        Assert.Null(Store().FindNewest(_reports.Add, mayBeginAnew: true));
        Assert.Equal(2, _reports.Count);
        Assert.All(_reports, report => Assert.Contains("damaged", report));
        Assert.Equal(damaged, File.ReadAllBytes(_folder["step-00000001.safetensors.corrupt"]));
        Assert.Equal(4, Directory.GetFiles(_folder.Path, "*.corrupt").Length);
        Stops("all checkpoints were damaged and are set aside", ".corrupt", "--begin-anew");

        // The run comes by again and meets the same fate: what was set aside first stays.
        Save(1);
        File.WriteAllText(_folder["step-00000001.safetensors"], "again");
        Assert.Null(Store().FindNewest(_reports.Add, mayBeginAnew: true));
        Assert.Equal(damaged, File.ReadAllBytes(_folder["step-00000001.safetensors.corrupt"]));
        Assert.Equal("again", File.ReadAllText(_folder["step-00000001.safetensors.corrupt.2"]));
    }

    [Fact]
    public void Whoever_only_looks_changes_nothing()
    {
        Save(1, 2);
        Flip(_folder["step-00000002.safetensors"]);
        string before = Content();
        Assert.Equal(1, Store().Peek(_reports.Add)!.Info.Step);
        Assert.Contains("damaged", Assert.Single(_reports));
        Flip(_folder["step-00000001.safetensors"]);
        Assert.Null(Store().Peek(_reports.Add));
        Flip(_folder["step-00000001.safetensors"]);
        Assert.Equal(before, Content());
    }

    [Fact]
    public void Every_form_before_the_present_one_is_recorded() => Assert.Equal(
        Enumerable.Range(1, CheckpointFormat.Current - 1).Select(format => $"{format}"),
        Directory.GetDirectories(Fixtures.Shipped("checkpoint-formats")).Select(Path.GetFileName).Order());

    // A checkpoint as the version before format 2 wrote it.
    [Fact]
    public void A_checkpoint_of_format_1_is_read_as_it_was_written()
    {
        foreach (string file in (string[])["step-00000006.json", "step-00000006.safetensors"])
        {
            File.Copy(Fixtures.Shipped("checkpoint-formats", "1", file), _folder[file]);
        }

        Checkpoint found = Store().FindNewest(Assert.Fail)!;
        CheckpointInfo expected = new()
        {
            Step = 6,
            Epoch = 1,
            StepInEpoch = 0,
            Seed = 7,
            Preset = "quick",
            SettingsDigest = "4f1c0a",
            Evaluations = 2,
            Accuracy = 0.625,
            BestAccuracy = 0.75,
            TensorFile = "step-00000006.safetensors",
            TensorFileSizeInBytes = 148,
            TensorFileSha256 = "70e2430677ac838194d15b5ece99a7be9ccbe752ff9a11e57ac86839a9abcfa3",
        };
        Assert.Equal(expected, found.Info);
        NdArray array = Assert.Single(found.Read(_run.Backend)).Value;
        Assert.Equal([0.5f, -1, 2, 3.25f, -0.125f], array.ToArray<float>());

        Save(7); // the run goes on in the form of today, beside the old one
        Assert.Equal(7, Store().FindNewest(Assert.Fail)!.Info.Step);
        File.Delete(_folder["step-00000007.json"]);
        Flip(_folder["step-00000006.safetensors"]);
        Stops("all 1 checkpoints are damaged", "step-00000006.safetensors", "--begin-anew");
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

    private static void Flip(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^3] ^= 16;
        File.WriteAllBytes(path, bytes);
    }

    // As a program would write it that knows what it changes: the checksum is right.
    private void Rewrite(long step, Action<JsonObject> change)
    {
        string path = _folder[$"step-{step:d8}.json"];
        JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        json.Remove("sha256");
        change(json);
        json["sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.ToJsonString())));
        File.WriteAllText(path, json.ToJsonString());
    }

    // In one line that has all parts, and with the folder as it was.
    private void Stops(string says, string file, string todo, DurableFiles? files = null)
    {
        string before = Content();
        string message = Assert.Throws<CheckpointException>(() => Store(files).FindNewest(Assert.Fail)).Message;
        Assert.Contains(says, message);
        Assert.Contains(file, message);
        Assert.Contains(todo, message);
        Assert.Contains("Nothing was changed.", message);
        Assert.DoesNotContain('\n', message);
        Assert.Equal(before, Content());
    }

    private string Content() => string.Join('\n', Directory.GetFiles(_folder.Path).Order().Select(path =>
        $"{path} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))}"));

    private CheckpointStore Store(DurableFiles? files = null) => new(_folder.Path, keep: 3, files);

    private void Save(params long[] steps)
    {
        foreach (long step in steps)
        {
            Store().Save(
                Info(step),
                [new NamedArray("w", _run.Array(Values.Normal(5, (int)step), [5], DType.F32))]);
        }
    }
}
