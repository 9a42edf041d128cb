using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit import</c></summary>
internal static class ImportCommand
{
    public const string Name = "import";

    // A wrong file has hundreds of names that nobody expected; all of them are in the JSON.
    private const int NamesShown = 20;

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        (
            "cudavit import vit-s-300ep.pth.tar --out moco-vit-s.safetensors",
            "what the reference implementation published; no Python needed, and nothing in the file is run"),
        (
            "cudavit import deit_small.pth --heads 6 --out deit-s.safetensors",
            "an encoder named as in timm or DeiT; heads are in no shape, so they have to be said"),
        ("cudavit knn --checkpoint moco-vit-s.safetensors --data ~/cifar-10-batches-bin", "then use it like any other"),
    ];

    public static Command Create(TextWriter output)
    {
        var file = new Argument<string>("file")
        {
            Description = "A .pth.tar or .pth of MoCo v3, timm or DeiT, or a .safetensors with their names.",
        };
        Option<string?> result = Options.RequiredPath("--out", "FILE", "The safetensors file to write.");
        Option<int?> heads = Options.Integer("--heads", "Attention heads, where the width does not tell.", 1);
        Option<int?> size = Options.Integer(
            "--image-size", "Height and width of the images, where no position table tells.", 1);
        Option<bool> json = Options.Json();
        var command = new Command(
            Name, "Takes over a checkpoint of MoCo v3's reference implementation, of timm or of DeiT.")
        {
            file, result, heads, size, json,
        };
        command.SetAction(parsed =>
        {
            var request = new ImportRequest(parsed.GetValue(heads), parsed.GetValue(size));
            bool isJson = parsed.GetValue(json);
            ImportReport report = WorkProgress.Show(output, isJson, progress => CheckpointImport.Run(
                parsed.GetValue(file)!, parsed.GetValue(result)!, request, progress));
            if (isJson)
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                Print(output, report);
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static void Print(TextWriter output, ImportReport report)
    {
        output.WriteLine($"{report.Source}: {report.Kind}, {Describe(report.Model)}");
        output.WriteLine(RunText.Text($"{report.Tensors} tensors taken over, none missing"));
        PrintNames(output, "not in the file", report.AbsentParts);
        PrintNames(output, "left out, a classifier", report.Classifier);
        PrintNames(output, "left out, no tensors of the model", report.Rest);
        PrintNames(output, "left out, unexpected", report.Unexpected);
        PrintNames(output, "not finite", [.. report.NotFinite.Select(tensor => tensor.ToString())]);
        if (report.NotFinite.Count > 0)
        {
            output.WriteLine("features computed with such values are no numbers, and will be refused");
        }

        output.WriteLine($"written to {report.Output}");
    }

    private static string Describe(ModelSettings model)
    {
        if (model.Architecture == Architecture.ResNet50)
        {
            return RunText.Text($"ResNet-50 for {model.Channels} channels");
        }

        string form = RunText.Text($"width {model.Width}, depth {model.Depth}, heads {model.Heads}");
        string images = RunText.Text($"patch {model.Patch}, images {model.ImageSize} x {model.ImageSize}");
        string positions = model.Position switch
        {
            PositionTable.SinCos => "sine-cosine positions",
            PositionTable.Learned => "learned positions",
            _ => "no positions",
        };
        return $"Vision Transformer of {form}, {images}, {positions}";
    }

    private static void PrintNames(TextWriter output, string what, IReadOnlyList<string> names)
    {
        if (names.Count > 0)
        {
            string rest = names.Count > NamesShown
                ? RunText.Text($" and {names.Count - NamesShown} more (all with --json)")
                : "";
            output.WriteLine(RunText.Printable($"{what}: {string.Join(", ", names.Take(NamesShown))}{rest}"));
        }
    }
}
