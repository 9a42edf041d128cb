using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Evaluation.Features;

/// <summary>
/// Writes the features and labels of all images: <c>features.safetensors</c> with <c>train.features</c>,
/// <c>train.labels</c>, <c>held_out.features</c> and <c>held_out.labels</c>, and the same four as <c>.npy</c>;
/// <c>index.csv</c> says which image each row is of.
/// </summary>
/// <remarks>
/// Features go to disk batch by batch: data sets may be larger than memory. An image that cannot be decoded has no row,
/// so how many there are is known at the end only: the header of a <c>.npy</c> file is written last, and the
/// safetensors file is made of those.
/// </remarks>
public sealed class FeatureFiles
{
    private const string IndexName = "index.csv";
    private const int ChunkBytes = 1 << 20;

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

    private int Width => _model.Encoder.FeatureWidth;

    private string NumpyType => FeatureType == DType.F64 ? NpyHeader.Double : NpyHeader.Single;

    private IEnumerable<(string Name, IImageDataset Images)> Parts => _data.HeldOut is { } heldOut
        ? [("train", _data.Train), ("held_out", heldOut)]
        : [("train", _data.Train)];

    /// <summary>Computes and writes everything.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="data">Images of the channels that it takes.</param>
    /// <param name="folder">Made if need be; files of these names are replaced.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <exception cref="InputException">
    /// Images cannot be read, do not fit, have features that are not finite, or the files cannot be written.
    /// </exception>
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
        var rows = new Dictionary<string, IReadOnlyList<int>>(); // of each part, the image of every row
        foreach ((string name, IImageDataset images) in Parts)
        {
            rows.Add(name, WriteFeatures(name, images));
            WriteLabels(name, images, rows[name]);
        }

        WriteSafetensors(rows);
        WriteIndex(rows);
        return new FeatureReport(
            _model.Path,
            _data.Train.Name,
            rows["train"].Count,
            rows.TryGetValue("held_out", out IReadOnlyList<int>? heldOut) ? heldOut.Count : 0,
            Width,
            _written,
            [.. _data.Train.Damaged, .. _data.HeldOut?.Damaged ?? []]);
    }

    private void Write(string name, long size, Action<Stream> write)
    {
        string path = Path.Combine(_folder, name);
        _files.Write(path, size, write);
        _written.Add(path);
    }

    private List<int> WriteFeatures(string name, IImageDataset images)
    {
        byte[] header = NpyHeader.Make(NumpyType, images.Count, Width);
        long size = header.Length + ((long)images.Count * Width * FeatureType.SizeInBytes());
        var rows = new List<int>();
        Write($"{name}.features.npy", size, stream =>
        {
            stream.Write(header);
            WriteRows(images, rows, stream);
            stream.SetLength(stream.Position); // a little more was reserved where images are left out
            stream.Position = 0;
            stream.Write(NpyHeader.Make(NumpyType, rows.Count, Width)); // of the same length: it is padded
        });
        foreach (DamagedImage image in images.Damaged)
        {
            _progress.OnLine($"left out {image.Name}: {image.Reason}");
        }

        return rows;
    }

    private void WriteRows(IImageDataset images, List<int> rows, Stream stream)
    {
        FeatureExtractor extract = _model.Extractor(_data.Train.Normalization);
        (int imageSize, int batchSize) = (_model.Settings.Model.ImageSize, _model.Settings.Evaluation.Batch);
        foreach (ImageBatch batch in EvaluationBatches.Enumerate(images, imageSize, batchSize))
        {
            using var scope = new StepScope();
            NdArray features = extract(batch.View(0));
            byte[] bytes = new byte[features.SizeInBytes];
            features.Backend.CopyToHost(features, bytes);
            stream.Write(bytes);
            rows.AddRange(batch.Samples);
            long done = _done + batch.Samples[^1] + 1;
            _progress.OnAdvance((double)done / _images, FormattableString.Invariant($"{done}/{_images} images"));
        }

        _done += images.Count;
        if (rows.Count == 0)
        {
            throw new DatasetException($"{images.Name}: no image can be decoded. Name another data set.");
        }
    }

    private void WriteLabels(string name, IImageDataset images, IReadOnlyList<int> rows)
    {
        byte[] bytes = Labels(images, rows);
        byte[] header = NpyHeader.Make(NpyHeader.Int64, rows.Count);
        Write($"{name}.labels.npy", header.Length + bytes.Length, stream => stream.Write([.. header, .. bytes]));
    }

    private void WriteSafetensors(Dictionary<string, IReadOnlyList<int>> rows)
    {
        SafetensorsDType type = FeatureType == DType.F64 ? SafetensorsDType.F64 : SafetensorsDType.F32;
        List<SafetensorsTensor> tensors = [];
        foreach ((string name, _) in Parts)
        {
            tensors.Add(new SafetensorsTensor($"{name}.features", type, rows[name].Count, Width));
            tensors.Add(new SafetensorsTensor($"{name}.labels", SafetensorsDType.I64, rows[name].Count));
        }

        Write("features.safetensors", tensors.Sum(tensor => tensor.SizeInBytes), stream =>
        {
            var writer = new SafetensorsWriter(stream, tensors);
            byte[] chunk = new byte[ChunkBytes];
            foreach ((string name, IImageDataset images) in Parts)
            {
                using FileStream features = File.OpenRead(Path.Combine(_folder, $"{name}.features.npy"));
                features.Position = NpyHeader.Make(NumpyType, rows[name].Count, Width).Length;
                while (features.Read(chunk) is int read and > 0)
                {
                    writer.Write($"{name}.features", chunk.AsSpan(0, read));
                }

                writer.Write($"{name}.labels", Labels(images, rows[name]));
            }

            writer.Complete();
        });
    }

    // Rows count from 0 in each part, as they do in its arrays.
    private void WriteIndex(Dictionary<string, IReadOnlyList<int>> rows) => Write(IndexName, 0, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write("row,path,label,class,part\n");
        foreach ((string name, IImageDataset images) in Parts)
        {
            for (int row = 0; row < rows[name].Count; row++)
            {
                int label = images.Label(rows[name][row]);
                string className = label >= 0 ? images.ClassNames?[label] ?? "" : "";
                string path = images.NameOf(rows[name][row]);
                writer.Write(FormattableString.Invariant($"{row},{Quoted(path)},{label},{Quoted(className)},{name}\n"));
            }
        }
    });

    private static byte[] Labels(IImageDataset images, IReadOnlyList<int> rows)
    {
        long[] labels = [.. rows.Select(image => (long)images.Label(image))];
        return MemoryMarshal.AsBytes(labels.AsSpan()).ToArray();
    }

    // RFC 4180: a name can hold anything.
    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

/// <summary>Features that were written.</summary>
/// <param name="Checkpoint">The file of the encoder.</param>
/// <param name="Data">Name of the data.</param>
/// <param name="TrainImages">Training images with a row.</param>
/// <param name="HeldOutImages">Held-out images with a row; 0 without any.</param>
/// <param name="Width">Numbers per image.</param>
/// <param name="Files">What was written.</param>
/// <param name="LeftOut">Images that could not be decoded and have no row.</param>
public sealed record FeatureReport(
    string Checkpoint,
    string Data,
    int TrainImages,
    int HeldOutImages,
    int Width,
    IReadOnlyList<string> Files,
    IReadOnlyList<DamagedImage> LeftOut);
