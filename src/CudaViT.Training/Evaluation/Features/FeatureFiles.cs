using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Evaluation.Features;

/// <summary>
/// Writes the features and labels of all images: <c>features.safetensors</c> with <c>train.features</c>,
/// <c>train.labels</c>, <c>held_out.features</c> and <c>held_out.labels</c>, and the same four as <c>.npy</c>.
/// </summary>
/// <remarks>
/// Features go to both files batch by batch: data sets may be larger than memory. Row i belongs to image i; that of an
/// image that cannot be decoded is NaN.
/// </remarks>
public sealed class FeatureFiles
{
    private readonly TrainedModel _model;
    private readonly DatasetSplits _data;
    private readonly string _folder;
    private readonly IWorkProgress _progress;
    private readonly DurableFiles _files = new();
    private readonly List<string> _written = [];
    private readonly long _images;
    private long _done;

    private FeatureFiles(TrainedModel model, DatasetSplits data, string folder, IWorkProgress progress)
    {
        (_model, _data, _folder, _progress) = (model, data, folder, progress);
        _images = data.Train.Count + (data.HeldOut?.Count ?? 0);
    }

    private DType FeatureType => _model.Settings.ParameterType;

    private IEnumerable<(string Name, IImageDataset Images)> Parts => _data.HeldOut is { } heldOut
        ? [("train", _data.Train), ("held_out", heldOut)]
        : [("train", _data.Train)];

    /// <summary>Computes and writes everything.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="data">Images of the channels that it takes.</param>
    /// <param name="folder">Made if need be; files of these names are replaced.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <exception cref="InputException">Images cannot be read, do not fit, or the files cannot be written.</exception>
    public static FeatureReport Write(TrainedModel model, DatasetSplits data, string folder, IWorkProgress progress)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        model.RequireFit(data.Train);
        DurableFiles.CreateFolder(folder);
        return new FeatureFiles(model, data, folder, progress).Write();
    }

    private FeatureReport Write()
    {
        List<SafetensorsTensor> tensors = [];
        int width = _model.Encoder.FeatureWidth;
        foreach ((string name, IImageDataset images) in Parts)
        {
            SafetensorsDType type = FeatureType == DType.F64 ? SafetensorsDType.F64 : SafetensorsDType.F32;
            tensors.Add(new SafetensorsTensor($"{name}.features", type, images.Count, width));
            tensors.Add(new SafetensorsTensor($"{name}.labels", SafetensorsDType.I64, images.Count));
        }

        Write("features.safetensors", tensors.Sum(tensor => tensor.SizeInBytes), stream =>
        {
            var writer = new SafetensorsWriter(stream, tensors);
            foreach ((string name, IImageDataset images) in Parts)
            {
                WriteFeatures(name, images, width, writer);
                WriteLabels(name, images, writer);
            }

            writer.Complete();
        });
        return new FeatureReport(
            _model.Path, _data.Train.Name, _data.Train.Count, _data.HeldOut?.Count ?? 0, width, _written);
    }

    private void Write(string name, long size, Action<Stream> write)
    {
        string path = Path.Combine(_folder, name);
        _files.Write(path, size, write);
        _written.Add(path);
    }

    private void WriteFeatures(string name, IImageDataset images, int width, SafetensorsWriter writer)
    {
        byte[] header = NpyHeader.Make(
            FeatureType == DType.F64 ? NpyHeader.Double : NpyHeader.Single, images.Count, width);
        long size = header.Length + ((long)images.Count * width * FeatureType.SizeInBytes());
        byte[] missing = FeatureType == DType.F64
            ? MemoryMarshal.AsBytes(Enumerable.Repeat(double.NaN, width).ToArray().AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(Enumerable.Repeat(float.NaN, width).ToArray().AsSpan()).ToArray();
        FeatureExtractor extract = _model.Extractor(_data.Train.Normalization);
        (int imageSize, int batchSize) = (_model.Settings.Model.ImageSize, _model.Settings.Evaluation.Batch);
        Write($"{name}.features.npy", size, stream =>
        {
            stream.Write(header);
            int row = 0;
            foreach (ImageBatch batch in EvaluationBatches.Enumerate(images, imageSize, batchSize))
            {
                using var scope = new StepScope();
                NdArray features = extract(batch.View(0));
                byte[] bytes = new byte[features.SizeInBytes];
                features.Backend.CopyToHost(features, bytes);
                for (int i = 0; i < batch.Count; i++)
                {
                    WriteMissing(batch.Samples[i]);
                    WriteRow(bytes.AsSpan(i * missing.Length, missing.Length));
                }

                _done += batch.Count;
                _progress.OnAdvance((double)_done / _images, FormattableString.Invariant($"{_done}/{_images} images"));
            }

            WriteMissing(images.Count);

            void WriteMissing(int end)
            {
                while (row < end)
                {
                    WriteRow(missing);
                }
            }

            void WriteRow(ReadOnlySpan<byte> bytes)
            {
                writer.Write($"{name}.features", bytes);
                stream.Write(bytes);
                row++;
            }
        });
        foreach (DamagedImage image in images.Damaged)
        {
            _progress.OnLine($"left out {image.Name}: {image.Reason}");
        }
    }

    private void WriteLabels(string name, IImageDataset images, SafetensorsWriter writer)
    {
        long[] labels = [.. Enumerable.Range(0, images.Count).Select(i => (long)images.Label(i))];
        byte[] bytes = MemoryMarshal.AsBytes(labels.AsSpan()).ToArray();
        writer.Write($"{name}.labels", bytes);
        byte[] header = NpyHeader.Make(NpyHeader.Int64, labels.Length);
        Write($"{name}.labels.npy", header.Length + bytes.Length, stream => stream.Write([.. header, .. bytes]));
    }
}

/// <summary>Features that were written.</summary>
/// <param name="Checkpoint">The file of the encoder.</param>
/// <param name="Data">Name of the data.</param>
/// <param name="TrainImages">Training images.</param>
/// <param name="HeldOutImages">Held-out images; 0 without any.</param>
/// <param name="Width">Numbers per image.</param>
/// <param name="Files">What was written.</param>
public sealed record FeatureReport(
    string Checkpoint, string Data, int TrainImages, int HeldOutImages, int Width, IReadOnlyList<string> Files);
