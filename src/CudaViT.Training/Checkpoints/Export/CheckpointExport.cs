using CudaViT.Core;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Export;

/// <summary>
/// Turns a file that training or importing wrote into one for other programs: safetensors with the names of timm and
/// DeiT, or ONNX.
/// </summary>
public static class CheckpointExport
{
    private const int ChunkBytes = 1 << 20;

    // What a reader of the format's home expects to find; some refuse files without.
    private static readonly KeyValuePair<string, string> Format = new("format", "pt");

    /// <summary>
    /// Writes the encoder under the names that it has in timm and DeiT, with its classifier if it was fine-tuned; or
    /// everything under its own.
    /// </summary>
    /// <param name="path">A file with the settings in its header.</param>
    /// <param name="output">The safetensors file to write.</param>
    /// <param name="part">What of it.</param>
    /// <param name="progress">Is told how far it is; null for nobody.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, is the one to write, or the result cannot be written.
    /// </exception>
    public static ExportReport WriteSafetensors(
        string path, string output, ExportPart part, IWorkProgress? progress = null)
    {
        DurableFiles.RequireOther(path, output);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainSettings settings = TrainedModel.ReadSettings(file, path);
        Dictionary<string, string> names = Names(file, path, settings, part);
        SafetensorsTensor[] tensors = [.. names.Select(pair =>
            new SafetensorsTensor(pair.Key, file[pair.Value].DType, file[pair.Value].Shape))];
        long size = tensors.Sum(tensor => tensor.SizeInBytes);
        new DurableFiles().Write(output, size, stream =>
        {
            var watched = new WatchedStream(stream, size, progress);
            var writer = new SafetensorsWriter(watched, tensors, Metadata(settings));
            byte[] chunk = new byte[ChunkBytes];
            foreach (SafetensorsTensor tensor in tensors)
            {
                for (long done = 0; done < tensor.SizeInBytes; done += chunk.Length)
                {
                    Span<byte> bytes = chunk.AsSpan(0, (int)Math.Min(chunk.Length, tensor.SizeInBytes - done));
                    file.Read(names[tensor.Name], bytes, done);
                    writer.Write(tensor.Name, bytes);
                }
            }

            writer.Complete();
        });
        return new ExportReport(path, output, tensors.Length, new FileInfo(output).Length, settings.Model);
    }

    /// <summary>Writes the encoder as an ONNX file, opset 17, for batches of any size.</summary>
    /// <param name="path">A file with the settings in its header.</param>
    /// <param name="output">The ONNX file to write.</param>
    /// <param name="progress">Is told how far it is; null for nobody.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, is the one to write, the result cannot be written, or is larger than the format allows.
    /// </exception>
    public static ExportReport WriteOnnx(string path, string output, IWorkProgress? progress = null)
    {
        DurableFiles.RequireOther(path, output);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainSettings settings = TrainedModel.ReadSettings(file, path);
        int tensors = Names(file, path, settings, ExportPart.Encoder).Count;
        ProtoMessage model = OnnxEncoder.Build(new EncoderWeights(file, settings), Metadata(settings));
        if (model.Length > int.MaxValue)
        {
            throw new CheckpointException(
                $"{path}: as ONNX this encoder has {model.Length} bytes, the format allows {int.MaxValue}; expected a "
                + "smaller one; export it as safetensors.");
        }

        new DurableFiles().Write(
            output, model.Length, stream => model.WriteTo(new WatchedStream(stream, model.Length, progress)));
        return new ExportReport(path, output, tensors, model.Length, settings.Model);
    }

    // By name in the result; in the order of the model.
    private static Dictionary<string, string> Names(
        SafetensorsFile file, string path, TrainSettings settings, ExportPart part)
    {
        Encoder encoder = TrainedModel.Declare(file, path, settings.Model);
        string prefix = TrainedModel.PrefixIn(file);
        if (settings.Model.Classes is not null)
        {
            return encoder.Layout().ToDictionary(
                entry => (part == ExportPart.Encoder ? "" : TrainedModel.EncoderPrefix) + entry.Name,
                entry => prefix + entry.Name);
        }

        return part == ExportPart.Encoder
            ? encoder.BackboneLayout().ToDictionary(
                entry => entry.Name, entry => prefix + entry.Name)
            : new MoCoV3(settings.Model, temperature: 1).Layout()
                .Select(entry => (entry.Name, Source: InFile(entry.Name)))
                .Where(pair => file.Contains(pair.Source))
                .ToDictionary(pair => pair.Name, pair => pair.Source);

        string InFile(string name) => name.StartsWith(TrainedModel.EncoderPrefix, StringComparison.Ordinal)
            ? prefix + name[TrainedModel.EncoderPrefix.Length..]
            : name;
    }

    private static Dictionary<string, string> Metadata(TrainSettings settings) =>
        new([Format, new(TrainSettings.MetadataKey, SettingsJson.Write(settings.ResultOnly()))]);
}

/// <summary>What of a checkpoint is exported.</summary>
public enum ExportPart
{
    /// <summary>The encoder without projector, under the names of timm and DeiT.</summary>
    Encoder,

    /// <summary>Both encoders, projectors and predictor, under the reference implementation's names.</summary>
    All,
}

/// <summary>What was exported.</summary>
/// <param name="Source">The file that was read.</param>
/// <param name="Output">The file that was written.</param>
/// <param name="Tensors">Tensors in it.</param>
/// <param name="SizeInBytes">Its length.</param>
/// <param name="Model">The model.</param>
public sealed record ExportReport(string Source, string Output, int Tensors, long SizeInBytes, ModelSettings Model);
