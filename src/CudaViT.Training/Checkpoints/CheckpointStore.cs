using System.Globalization;
using System.Security.Cryptography;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// The checkpoints of one run: <c>step-NNNNNNNN.safetensors</c>, each with a JSON file of the same stem.
/// </summary>
/// <remarks>
/// The tensors are written first and the JSON file, which holds their checksum, last: it is what makes a checkpoint
/// count. A process killed in between leaves tensors without JSON or temporary names, which are never taken and
/// which <see cref="CleanUp"/> removes. Old checkpoints go only after the new one is on the disk. A checkpoint is
/// whole; or damaged, which its content proves; or neither, when another version wrote it or it cannot be read now.
/// Only damaged ones are passed over.
/// </remarks>
public sealed class CheckpointStore
{
    private const string Prefix = "step-";
    private const string TensorSuffix = ".safetensors";
    private const string InfoSuffix = ".json";
    private const string CorruptSuffix = ".corrupt";

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
        (_folder, _keep, _files) = (folder, keep, files ?? DurableFiles.ForOwner());
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

        byte[] json = CheckpointFormat.Write(info);
        _files.Write(PathOf(info.Step, InfoSuffix), json.Length, stream => stream.Write(json));
        RemoveOld();
    }

    /// <summary>
    /// The newest whole checkpoint. Newer ones that are damaged are set aside, under names that end in <c>.corrupt</c>.
    /// </summary>
    /// <param name="report">Gets one line for every damaged checkpoint.</param>
    /// <param name="mayBeginAnew">Whether there need be no whole one: then all damaged ones are set aside.</param>
    /// <returns>Null if there is none, or they are all damaged and the run may begin anew.</returns>
    /// <exception cref="CheckpointException">
    /// All are damaged; or one is of a form that is not known here, or cannot be read now. Then nothing is changed.
    /// </exception>
    public Checkpoint? FindNewest(Action<string> report, bool mayBeginAnew = false)
    {
        ArgumentNullException.ThrowIfNull(report);
        (Checkpoint? whole, List<(long Step, string Path, string Why)> damaged) = Search();
        if (whole is null && !mayBeginAnew && (damaged.Count > 0 || HasSetAside()))
        {
            throw AllDamaged(damaged);
        }

        foreach ((long step, string path, string why) in damaged)
        {
            report($"{path}: this checkpoint is damaged ({why}); set aside as *{CorruptSuffix}");
            // The tensors first: a kill in between leaves a checkpoint without any, not tensors that belong to none.
            SetAside(PathOf(step, TensorSuffix));
            SetAside(PathOf(step, InfoSuffix));
        }

        return whole;
    }

    /// <summary>The newest whole checkpoint, for somebody who only looks: nothing is set aside.</summary>
    /// <param name="report">Gets one line for every newer one, which is damaged.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="CheckpointException">
    /// One is of a form that is not known here, or cannot be read now.
    /// </exception>
    public Checkpoint? Peek(Action<string> report)
    {
        ArgumentNullException.ThrowIfNull(report);
        (Checkpoint? whole, List<(long Step, string Path, string Why)> damaged) = Search();
        damaged.ForEach(found => report($"{found.Path}: this checkpoint is damaged ({found.Why}); passed over"));
        return whole;
    }

    /// <summary>
    /// Removes what a killed process left: temporary files, and tensors whose JSON file was never written, unless no
    /// checkpoint is left and they may be all there is. What cannot be removed stays for another time.
    /// </summary>
    public void CleanUp()
    {
        HashSet<long> steps = [.. Steps()];
        foreach (string path in Names(Prefix + "*"))
        {
            bool isOrphan = steps.Count > 0 && StepOf(path, TensorSuffix) is long step && !steps.Contains(step);
            if (DurableFiles.IsTemporary(path) || isOrphan)
            {
                _files.TryDelete(path);
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

    private string PathOf(long step, string suffix) =>
        Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:d8}{suffix}"));

    private List<long> Steps() =>
        [.. Names($"{Prefix}*{InfoSuffix}").Select(path => StepOf(path, InfoSuffix)).OfType<long>()];

    private bool HasSetAside() => Names($"{Prefix}*{CorruptSuffix}*").Length > 0;

    private string[] Names(string pattern)
    {
        try
        {
            return Directory.Exists(_folder) ? Directory.GetFiles(_folder, pattern) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreachable(_folder, e);
        }
    }

    private void SetAside(string path) => _files.MoveAside(path, path + CorruptSuffix);

    // From the newest one on: those that are damaged, until one is whole.
    private (Checkpoint? Whole, List<(long Step, string Path, string Why)> Damaged) Search()
    {
        var damaged = new List<(long, string, string)>();
        foreach (long step in Steps().OrderDescending())
        {
            string path = PathOf(step, InfoSuffix);
            try
            {
                CheckpointInfo info = ReadInfo(step);
                path = PathOf(step, TensorSuffix);
                RequireWhole(path, info);
                return (new Checkpoint(path, info), damaged);
            }
            catch (InvalidDataException e)
            {
                damaged.Add((step, path, e.Message));
            }
            catch (FileNotFoundException)
            {
                damaged.Add((step, path, "the file is missing"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreachable(path, e);
            }
        }

        return (null, damaged);
    }

    private CheckpointInfo ReadInfo(long step)
    {
        string path = PathOf(step, InfoSuffix);
        using Stream stream = _files.Read(path);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        CheckpointInfo info = CheckpointFormat.Read(path, content.GetBuffer().AsSpan(0, (int)content.Length));
        return info.Step == step
            ? info
            : throw new InvalidDataException($"it describes step {info.Step}");
    }

    private void RequireWhole(string path, CheckpointInfo info)
    {
        using Stream stream = _files.Read(path);
        if (stream.Length != info.TensorFileSizeInBytes)
        {
            throw new InvalidDataException(
                $"it has {stream.Length} bytes, {info.TensorFileSizeInBytes} were recorded when it was written");
        }

        if (Convert.ToHexStringLower(SHA256.HashData(stream)) != info.TensorFileSha256)
        {
            throw new InvalidDataException(
                $"its SHA-256 is not {info.TensorFileSha256}, which was recorded when it was written");
        }
    }

    private static CheckpointException Unreachable(string path, Exception e) => new(
        $"{path}: cannot be read now ({e.Message.TrimEnd('.')}), which does not mean that it is damaged; expected a "
        + "checkpoint that can be read; see to the disk, the network or the permissions, then go on with --resume. "
        + "Nothing was changed.",
        e);

    private CheckpointException AllDamaged(List<(long Step, string Path, string Why)> damaged)
    {
        string found = damaged is [(_, var path, var why), ..]
            ? $"all {damaged.Count} checkpoints are damaged, the newest {Path.GetFileName(path)} ({why})"
            : $"all checkpoints were damaged and are set aside as *{CorruptSuffix}";
        return new CheckpointException(
            $"{_folder}: {found}; expected a whole one to go on from; restore one, or begin at step 0 with --resume "
            + "--begin-anew, which keeps the damaged checkpoints and the metrics under other names. "
            + "Nothing was changed.");
    }

    private void RemoveOld()
    {
        List<long> steps = [.. Steps().OrderDescending()];
        long? best = BestOf(steps);
        foreach (long step in steps.Skip(_keep).Where(step => step != best))
        {
            // The JSON file first: a kill in between leaves tensors that do not count, not a checkpoint without any.
            if (_files.TryDelete(PathOf(step, InfoSuffix)))
            {
                _files.TryDelete(PathOf(step, TensorSuffix));
            }
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
        catch (Exception e) when (
            e is CheckpointException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null; // damaged since it was written; FindNewest says so when it matters
        }
    }
}
