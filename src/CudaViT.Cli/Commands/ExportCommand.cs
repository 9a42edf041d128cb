using System.CommandLine;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Training.Checkpoints.Export;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit export</c></summary>
internal static class ExportCommand
{
    public const string Name = "export";

    private const string Safetensors = ".safetensors";
    private const string Onnx = ".onnx";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        (
            "cudavit export --checkpoint runs/a/final.safetensors --out encoder.safetensors",
            "the encoder under the names of timm and DeiT, to fine-tune there"),
        (
            "cudavit export --checkpoint runs/a/final.safetensors --out all.safetensors --part all",
            "projectors, momentum encoder and predictor as well, under the names of the reference implementation"),
        (
            "cudavit export --checkpoint runs/a/final.safetensors --out encoder.onnx",
            "images to features in onnxruntime: input 'images', standardized, any batch; output 'features'"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<string?> checkpoint = Options.Checkpoint();
        Option<string?> result = Options.RequiredPath(
            "--out", "FILE", $"The file to write; its ending says what: {Safetensors} or {Onnx}.");
        Option<string?> part = Options.OneOf(
            "--part", "encoder (default), or all: both encoders, projectors and predictor.", "encoder", "all");
        Option<bool> json = Options.Json();
        var command = new Command(Name, "Writes a trained model for other programs: timm, DeiT, onnxruntime.")
        {
            checkpoint, result, part, json,
        };
        command.SetAction(parsed =>
        {
            bool isJson = parsed.GetValue(json);
            ExportReport report = WorkProgress.Show(output, isJson, progress => Run(
                parsed.GetValue(checkpoint)!,
                parsed.GetValue(result)!,
                parsed.GetValue(part) == "all" ? ExportPart.All : ExportPart.Encoder,
                progress));
            if (isJson)
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                output.WriteLine(RunText.Text(
                    $"{report.Tensors} tensors, {report.SizeInBytes:n0} bytes, written to {report.Output}"));
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static ExportReport Run(string checkpoint, string output, ExportPart part, IWorkProgress progress)
    {
        string ending = Path.GetExtension(output);
        if (ending is not (Safetensors or Onnx))
        {
            throw new UsageException(
                $"--out is '{output}'; expected a name that ends in {Safetensors} or {Onnx}; correct the ending");
        }

        if (ending == Safetensors)
        {
            return CheckpointExport.WriteSafetensors(checkpoint, output, part, progress);
        }

        return part == ExportPart.Encoder
            ? CheckpointExport.WriteOnnx(checkpoint, output, progress)
            : throw new UsageException($"--part is 'all'; expected encoder for {Onnx} files; leave the option out");
    }
}
