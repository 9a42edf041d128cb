using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// The checkpoints of one run: <c>step-NNNNNNNN.safetensors</c>, each with a JSON file of the same stem.
/// </summary>
/// <remarks>
/// The tensors are written first and the JSON file, which holds their checksum, last: it is what makes a checkpoint
/// count. A process killed in between leaves tensors without JSON or temporary names, which are never taken and
/// which <see cref="CleanUp"/> removes. Old checkpoints go only after the new one is on the disk.
/// </remarks>
public sealed class CheckpointStore
{
    private const string Prefix = "step-";
    private const string TensorSuffix = ".safetensors";
    private const string InfoSuffix = ".json";
    private const string CorruptSuffix = ".corrupt";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly string _folder;
    private readonly int _keep;
    private readonly DurableFiles _files;

    /// <summary>Opens the store; the folder need not exist yet.</summary>
    /// <param name="folder">Where the files are.</param>
    /// <param name="keep">How many of the newest checkpoints stay, at least 1; the best one stays as well.</param>
    /// <param name="files">How files are written; null for the file system.</param>
    public CheckpointStore(string folder, int keep, DurableFiles? files = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keep);
        (_folder, _keep, _files) = (folder, keep, files ?? new DurableFiles());
    }

    /// <summary>Whether there are checkpoints, damaged or not.</summary>
    public bool HasAny => Steps().Count > 0;

    /// <summary>Writes a checkpoint, then removes those that are neither among the newest nor the best.</summary>
    /// <param name="info">Position of the run; the fields about the tensor file are filled in here.</param>
    /// <param name="arrays">Everything that is needed to go on, in a fixed order.</param>
    /// <param name="metadata">Free-form strings for the tensor file.</param>
    /// <exception cref="CheckpointException">It cannot be written; the checkpoints before it are untouched.</exception>
    public void Save(
        CheckpointInfo info, IReadOnlyList<NamedArray> arrays, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        DurableFiles.CreateFolder(_folder);
        string tensorPath = PathOf(info.Step, TensorSuffix);
        _files.Write(tensorPath, TensorFile.DataSizeInBytes(arrays), stream =>
        {
            using var hashing = new HashingStream(stream);
            TensorFile.Write(hashing, arrays, metadata);
            info = info with
            {
                TensorFile = Path.GetFileName(tensorPath),
                TensorFileSizeInBytes = hashing.Length,
                TensorFileSha256 = hashing.Digest(),
            };
        });

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(info, Json);
        _files.Write(PathOf(info.Step, InfoSuffix), json.Length, stream => stream.Write(json));
        RemoveOld();
    }

    /// <summary>
    /// The newest checkpoint whose checksum is right; null if there is none. Newer ones that are damaged are set aside
    /// under names that end in <c>.corrupt</c>.
    /// </summary>
    /// <param name="report">Gets one line for every damaged checkpoint.</param>
    public Checkpoint? FindNewest(Action<string> report)
    {
        ArgumentNullException.ThrowIfNull(report);
        foreach (long step in Steps().OrderDescending())
        {
            try
            {
                return Verify(step);
            }
            catch (CheckpointException e)
            {
                report(e.Message);
                SetAside(PathOf(step, InfoSuffix));
                SetAside(PathOf(step, TensorSuffix));
            }
        }

        return null;
    }

    /// <summary>
    /// Removes what a killed process left: temporary files, and tensors whose JSON file was never written.
    /// </summary>
    public void CleanUp()
    {
        if (!Directory.Exists(_folder))
        {
            return;
        }

        HashSet<long> steps = [.. Steps()];
        foreach (string path in Directory.GetFiles(_folder, Prefix + "*"))
        {
            if (DurableFiles.IsTemporary(path) || (StepOf(path, TensorSuffix) is long step && !steps.Contains(step)))
            {
                File.Delete(path);
            }
        }
    }

    private static long? StepOf(string path, string suffix)
    {
        string name = Path.GetFileName(path);
        CultureInfo culture = CultureInfo.InvariantCulture;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && name.EndsWith(suffix, StringComparison.Ordinal)
            && long.TryParse(name[Prefix.Length..^suffix.Length], NumberStyles.None, culture, out long step)
                ? step
                : null;
    }

    private static void SetAside(string path)
    {
        if (File.Exists(path))
        {
            File.Move(path, path + CorruptSuffix, overwrite: true);
        }
    }

    /// <summary>SHA-256 of a file, in hexadecimal.</summary>
    private static string HashOf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private string PathOf(long step, string suffix) =>
        Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:d8}{suffix}"));

    private List<long> Steps() => !Directory.Exists(_folder)
        ? []
        : [.. Directory.GetFiles(_folder, $"{Prefix}*{InfoSuffix}")
            .Select(path => StepOf(path, InfoSuffix))
            .OfType<long>()];

    private CheckpointInfo ReadInfo(long step)
    {
        string path = PathOf(step, InfoSuffix);
        try
        {
            var info = JsonSerializer.Deserialize<CheckpointInfo>(File.ReadAllBytes(path), Json);
            return info?.Step == step
                ? info
                : throw Damaged(path, "it describes another step");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw Damaged(path, e.Message.TrimEnd('.'), e);
        }
    }

    private Checkpoint Verify(long step)
    {
        CheckpointInfo info = ReadInfo(step);
        if (info.Format != CheckpointInfo.CurrentFormat)
        {
            throw Damaged(
                PathOf(step, InfoSuffix), $"its format is {info.Format}, "
                    + $"this version reads {CheckpointInfo.CurrentFormat}");
        }

        string path = PathOf(step, TensorSuffix);
        try
        {
            return HashOf(path) == info.TensorFileSha256
                ? new Checkpoint(path, info)
                : throw Damaged(path, $"its SHA-256 is not {info.TensorFileSha256}, "
                    + "which was recorded when it was written");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Damaged(path, e.Message.TrimEnd('.'), e);
        }
    }

    private static CheckpointException Damaged(string path, string why, Exception? inner = null) =>
        new($"{path}: this checkpoint is damaged ({why}); set aside as *.corrupt", inner);

    private void RemoveOld()
    {
        List<long> steps = [.. Steps().OrderDescending()];
        long? best = BestOf(steps);
        foreach (long step in steps.Skip(_keep).Where(step => step != best))
        {
            // The JSON file first: a kill in between leaves tensors that do not count, not a checkpoint without any.
            File.Delete(PathOf(step, InfoSuffix));
            File.Delete(PathOf(step, TensorSuffix));
        }
    }

    // Among equals the older one: it was best first.
    private long? BestOf(List<long> steps)
    {
        (long Step, double Accuracy)? best = null;
        foreach (long step in steps.Order())
        {
            if (TryAccuracy(step) is double accuracy && !(accuracy <= best?.Accuracy))
            {
                best = (step, accuracy);
            }
        }

        return best?.Step;
    }

    private double? TryAccuracy(long step)
    {
        try
        {
            return ReadInfo(step).Accuracy;
        }
        catch (CheckpointException)
        {
            return null; // damaged since it was written; FindNewest says so when it matters
        }
    }
}
