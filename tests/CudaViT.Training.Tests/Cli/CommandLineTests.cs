using System.Text.Json.Nodes;
using CudaViT.Cli.Output;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;
using static CudaViT.Training.Tests.Support.CommandRunner;

namespace CudaViT.Training.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The help of the program and of each command: what it does, how to call it, examples.
    [Theory]
    [InlineData("")]
    [InlineData("train")]
    [InlineData("knn")]
    [InlineData("import")]
    [InlineData("export")]
    [InlineData("features")]
    [InlineData("linear")]
    [InlineData("finetune")]
    [InlineData("bench")]
    [InlineData("gradcheck")]
    [InlineData("doctor")]
    [InlineData("kernels")]
    [InlineData("settings")]
    public void Help_teaches(string command)
    {
        (int status, string output, string error) = Run([.. Words(command), "--help"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("Usage:", output);
        Assert.Contains("Examples:", output);
        Assert.Contains($"  cudavit {command}", output);
    }

    // What others script against.
    [Fact]
    public void The_options_are_the_promised_ones()
    {
        string train = Run("train", "--help").Output;
        string[] promised =
        [
            "--preset", "--data", "--out", "--epochs", "--batch", "--seed", "--device", "--dtype", "--threads",
            "--workers", "--augment", "--checkpoint-every", "--limit", "--resume", "--set", "--lr", "--image-size",
        ];
        Assert.All(promised, option => Assert.Contains(option, train));
        Assert.All(Presets.All, preset => Assert.Contains(preset.Name, train));
        string knn = Run("knn", "--help").Output;
        Assert.All(["--checkpoint", "--data", "--json"], option => Assert.Contains(option, knn));
        string bench = Run("bench", "--help").Output;
        Assert.All(
            ["--step", "--batch", "--device", "--dtype", "--threads", "--json"],
            option => Assert.Contains(option, bench));
        Assert.Contains("--json", Run("gradcheck", "--help").Output);
        Assert.Contains("--json", Run("doctor", "--help").Output);
        string kernels = Run("kernels", "--help").Output;
        Assert.All(
            ["--arch", "--kernels-dir", "--build", "--ptx", "--sass", "--json"],
            option => Assert.Contains(option, kernels));
    }

    [Theory]
    [InlineData("")]
    [InlineData("dance")]
    [InlineData("train --bogus")]
    [InlineData("train extra")]
    [InlineData("train --epochs")]
    [InlineData("train --epochs 0")]
    [InlineData("train --epochs 1.5")]
    [InlineData("train --batch 1")]
    [InlineData("train --seed -1")]
    [InlineData("train --workers none")]
    [InlineData("train --dtype f16")]
    [InlineData("train --device tpu")]
    [InlineData("train --device cpu --kernels-dir kernels")]
    [InlineData("train --preset nope")]
    [InlineData("train --resume")]
    [InlineData("train --lr -1")]
    [InlineData("train --image-size 0")]
    [InlineData("settings unheard-of")]
    [InlineData("knn")]
    [InlineData("bench --step nope")]
    [InlineData("import")]
    [InlineData("export --checkpoint x --out encoder.bin")]
    [InlineData("linear --checkpoint x --lr 1,0")]
    [InlineData("linear --checkpoint x --lr 0.3,x")]
    [InlineData("features --checkpoint x --out")]
    [InlineData("export --checkpoint x --out encoder.onnx --part all")]
    [InlineData("export --checkpoint x --out y.onnx --part none")]
    [InlineData("gradcheck Nope")]
    [InlineData("doctor extra")]
    [InlineData("kernels --build f16")]
    [InlineData("kernels --kernels-dir /none")]
    [InlineData("kernels --sass Nope")]
    [InlineData("kernels --ptx l2_normalize_forward --build u8")]
    [InlineData("kernels --ptx l2_normalize_forward --sass l2_normalize_forward")]
    public void A_usage_error_is_one_line_and_status_2(string line)
    {
        (int status, string output, string error) = Run(Words(line));
        Assert.Equal(2, status);
        Assert.Equal("", output);
        AssertOneLine(error);
        string wrong = line.Split(' ')[^1];
        bool isIncomplete = wrong is "" or "knn" or "import";
        Assert.Contains(isIncomplete ? "required" : wrong, error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Bad_input_is_one_line_and_status_1()
    {
        string data = _folder["data"];
        TinyRun.WriteData(data);
        byte[] images = File.ReadAllBytes(_folder["data", "train-images-idx3-ubyte"]);
        _folder.Write("truncated-images-idx3-ubyte", images[..^7]);
        _folder.Write("magic-images-idx3-ubyte", [1, 2, 3, 4, .. images[4..]]);
        _folder.Write("unknown.json", """{ "recipe": { "bath": 3 } }"""u8.ToArray());
        _folder.Write("notes.txt", "mine"u8.ToArray());

        (string[] Args, string Says)[] cases =
        [
            (["train", "--data", _folder["none"]], _folder["none"]),
            (["train", "--data", _folder["truncated-images-idx3-ubyte"]], "truncated-images-idx3-ubyte"),
            (["train", "--data", _folder["magic-images-idx3-ubyte"]], "magic-images-idx3-ubyte"),
            (["train", "--settings", _folder["unknown.json"]], "'recipe.bath' is unknown"),
            (["train", "--settings", _folder["missing.json"]], _folder["missing.json"]),
            (["train", "--data", data, "--batch", "4000"], "fewer than one batch"),
            (["knn", "--checkpoint", _folder["missing.safetensors"]], _folder["missing.safetensors"]),
            (["knn", "--checkpoint", _folder["notes.txt"]], "notes.txt"),
            (["import", _folder["missing.pth"], "--out", _folder["out"]], _folder["missing.pth"]),
            (["import", _folder["notes.txt"], "--out", _folder["out"]], "no file that torch.save wrote"),
            (["export", "--checkpoint", _folder["none.pt"], "--out", _folder["out.onnx"]], _folder["none.pt"]),
        ];
        foreach ((string[] args, string says) in cases)
        {
            string folder = _folder["out"];
            (int status, _, string error) = Run(args[0] == "train" ? [.. args, "--out", folder] : args);
            Assert.Equal(1, status);
            AssertOneLine(error);
            Assert.Contains(says, error);
            Assert.False(Directory.Exists(folder), string.Join(' ', args)); // nothing half-written stays behind
        }
    }

    // Names come from a file that somebody else made.
    [Fact]
    public void What_a_file_says_cannot_command_the_terminal()
    {
        byte[] pickle = new PickleWriter().Op("}").Text("state_dict").Op("}").Text("x\u001b[2J\nfree: yes")
            .Tensor("0", [1]).Op("ss").Finish();
        _folder.Write("x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { ["0"] = new byte[4] }));
        (int status, string output, string error) = Run("import", _folder["x.pth"], "--out", _folder["out"]);
        Assert.Equal((1, ""), (status, output));
        AssertOneLine(error);

        byte[] bad = new PickleWriter().Text("x\u001b[2J").Op("\n").Finish();
        _folder.Write("y.pth", PickleWriter.Zip(bad, new Dictionary<string, byte[]>()));
        error = Run("import", _folder["y.pth"], "--out", _folder["out"]).Error;
        AssertOneLine(error);
        Assert.DoesNotContain('\u001b', error);
        Assert.Equal("a b?[2Jc", RunText.Printable("a\nb\u001b[2Jc"));
    }

    [Fact]
    public void Train_then_knn_through_the_real_entry_point()
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 2);
        (int status, string output, string error) = CliProcess.Run(
            "train", "--settings", settings, "--out", _folder["run"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("before training", output);
        Assert.Contains("after epoch 2", output);
        Assert.Contains("raw pixels", output);
        Assert.Contains(_folder["run", "final.safetensors"], output);

        (status, output, error) = CliProcess.Run(
            "knn", "--checkpoint", _folder["run", "final.safetensors"], "--data", _folder["data"], "--json");
        Assert.Equal((0, ""), (status, error));
        JsonObject report = JsonNode.Parse(output)!.AsObject();
        Assert.Equal(20, (int)report["heldOutImages"]!);
        Assert.Equal([10, 20, 100, 200], report["knn"]!.AsArray().Select(score => (int)score!["k"]!));
        Assert.All(report["knn"]!.AsArray(), score => Assert.InRange((double)score!["accuracy"]!, 0, 1));

        (status, _, error) = CliProcess.Run("train", "--settings", settings, "--out", _folder["run"]);
        Assert.Equal(1, status);
        AssertOneLine(error);
        Assert.Contains("--resume", error);
    }

    // A checkpoint goes out to others' names and back, and is used in between.
    [Fact]
    public void Export_import_features_and_linear_work_together()
    {
        TinyRun.WriteData(_folder["data"]);
        using var backend = new Cpu.CpuBackend(threads: 1);
        string model = ModelFile.Write(_folder["model.safetensors"], backend, TinyRun.Settings.Model);
        Assert.Equal((0, ""), Status("export", "--checkpoint", model, "--out", _folder["timm.safetensors"]));
        Assert.Equal((0, ""), Status("export", "--checkpoint", model, "--out", _folder["encoder.onnx"]));
        (int status, string output, string error) = Run(
            "knn", "--checkpoint", _folder["timm.safetensors"], "--data", _folder["data"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Equal( // exported or not, it is the same
            output, Run("knn", "--checkpoint", model, "--data", _folder["data"]).Output);
        (status, output, error) = Run(
            "import", _folder["timm.safetensors"], "--out", _folder["back.safetensors"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("none missing", output);
        Assert.Contains("not in the file: projector, momentum encoder, predictor", output);

        string[] use = ["--checkpoint", _folder["back.safetensors"], "--data", _folder["data"]];
        (status, output, error) = Run(["features", .. use, "--out", _folder["features"], "--json"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Equal(6, JsonNode.Parse(output)!["files"]!.AsArray().Count);

        (status, output, error) = Run(["linear", .. use, "--epochs", "1", "--json"]);
        Assert.Equal((0, ""), (status, error));
        Assert.Equal(
            [0.3, 1, 3, 10],
            JsonNode.Parse(output)!["rates"]!.AsArray().Select(rate => (double)rate!["baseLearningRate"]!));

        string[] linear = ["linear", .. use, "--epochs", "2", "--lr", "1,10", "--out", _folder["linear"]];
        (status, output, error) = Run(linear);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("after epoch 2", output);
        Assert.Contains("bit-identical", output);
        JsonObject report = JsonNode.Parse(File.ReadAllText(_folder["linear", "linear.json"]))!.AsObject();
        Assert.Equal(2, report["rates"]!.AsArray().Count);
        Assert.Equal(3, report["confusion"]!.AsArray().Count);
        Assert.True(File.Exists(_folder["linear", "classifier.safetensors"]));

        (int Status, string Error) Status(params string[] args) => Run(args) is var (s, _, e) ? (s, e) : default;
    }

    [Fact]
    public void Gradcheck_prints_verdicts_for_scripts()
    {
        (int status, string output, string error) = Run("gradcheck", "softmax", "LayerNorm", "--json");
        Assert.Equal((0, ""), (status, error));
        JsonArray results = JsonNode.Parse(output)!.AsArray();
        Assert.Equal(["LayerNorm", "Softmax"], results.Select(result => (string)result!["operation"]!));
        Assert.All(results, result => Assert.Equal("pass", (string)result!["verdict"]!));
    }

    [Fact]
    public void Bench_prints_figures_for_scripts()
    {
        (int status, string output, string error) = Run(
            "bench", "--step", "quick", "--batch", "2", "--threads", "1", "--json");
        Assert.Equal((0, ""), (status, error));
        JsonObject report = JsonNode.Parse(output)!.AsObject();
        Assert.Equal("quick", (string)report["preset"]!);
        Assert.Equal("f32", (string)report["dtype"]!);
        Assert.Equal((2, 1), ((int)report["batch"]!, (int)report["threads"]!));
        Assert.True((double)report["medianMilliseconds"]! > 0);
        Assert.Equal((double)report["imagesPerSecond"]!, 2000 / (double)report["medianMilliseconds"]!, 1e-6);
        Assert.True((long)report["peakBytes"]! > 1 << 20);
    }

    [Fact]
    public void A_batch_that_bench_cannot_hold_is_told_in_one_line()
    {
        (int status, _, string error) = Run("bench", "--batch", "3000000");
        Assert.Equal(1, status);
        AssertOneLine(error);
        Assert.Contains("a batch of 3000000 images of 784 B takes 2.2 GiB", error, StringComparison.Ordinal);
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
