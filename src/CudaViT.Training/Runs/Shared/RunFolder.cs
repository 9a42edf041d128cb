using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// The folder of one run: <c>settings.json</c>, <c>run.json</c>, <c>metrics.jsonl</c>, <c>checkpoints/</c>,
/// <c>report.html</c> and, at the end, <c>final.safetensors</c>.
/// </summary>
/// <param name="path">Need not exist.</param>
/// <param name="files">How files are written; null for the file system.</param>
public sealed class RunFolder(string path, DurableFiles? files = null)
{
    private const string FinalName = "final.safetensors";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly DurableFiles _files = files ?? DurableFiles.ForOwner();
    private RunLock? _lock;
    private int _holds;

    /// <summary>The folder.</summary>
    public string Path { get; } = path;

    /// <summary>The settings of the run.</summary>
    public string SettingsPath => System.IO.Path.Combine(Path, "settings.json");

    /// <summary>One line a step and an evaluation.</summary>
    public string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>Where checkpoints are.</summary>
    public string CheckpointsPath => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>The model at the end of the run.</summary>
    public string FinalPath => System.IO.Path.Combine(Path, FinalName);

    /// <summary>What the run is; see <see cref="RunRecord"/>.</summary>
    public string RecordPath => System.IO.Path.Combine(Path, "run.json");

    /// <summary>The page that shows the run.</summary>
    public string ReportPath => System.IO.Path.Combine(Path, "report.html");

    /// <summary>
    /// Whether others are kept out while it is owned; false where the file system does not lock files.
    /// </summary>
    public bool IsLocked => _lock?.IsHeld == true;

    /// <summary>Whether a run may go on with images that are not those it began with.</summary>
    public bool AcceptsChangedData { get; init; }

    /// <summary>
    /// Whether a run may begin at step 0 when all of its checkpoints are damaged; otherwise it stops with a message.
    /// </summary>
    public bool MayBeginAnew { get; init; }

    /// <summary>Whether a run was begun here.</summary>
    public bool HasRun => File.Exists(SettingsPath);

    /// <summary>
    /// Keeps every other process out of the folder, which is made if need be. Comes before anything in it is read,
    /// removed or written. Whoever owns it already may ask again; the last one to let go gives it back.
    /// </summary>
    /// <returns>Lets go of it when disposed of.</returns>
    /// <exception cref="RunException">Another process is at work in it, or it cannot be made or written to.</exception>
    public IDisposable Own()
    {
        _lock ??= RunLock.Take(Path);
        _holds++;
        return new Hold(this);
    }

    /// <summary>Owns a folder for files that are no run's, which may replace those of the same names in it.</summary>
    /// <exception cref="RunException">
    /// There is a run in it, or another process is at work in it, or it cannot be made or written to.
    /// </exception>
    public static IDisposable OwnWithoutRun(string path)
    {
        var folder = new RunFolder(path);
        IDisposable owner = folder.Own();
        if (!folder.HasRun)
        {
            return owner;
        }

        owner.Dispose();
        throw new RunException(
            $"{path}: there is a run in this folder, whose report would be lost; expected a folder without one; name "
            + "another with --out.");
    }

    /// <summary>Makes the folder for a new run.</summary>
    /// <param name="mayHoldOthers">Whether files that are no run's may lie in it.</param>
    /// <exception cref="RunException">It holds a run already, or is not empty, or cannot be made.</exception>
    public void Create(bool mayHoldOthers = false)
    {
        if (HasRun)
        {
            throw InUse();
        }

        try
        {
            Directory.CreateDirectory(Path);
            if (!mayHoldOthers && Directory.EnumerateFileSystemEntries(Path).Any(entry => !IsOfNoAccount(entry)))
            {
                throw new RunException(
                    $"{Path}: the folder is not empty; expected an empty or a new one; name another with --out.");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunException(
                $"{Path}: the folder cannot be made or read ({e.Message.TrimEnd('.')}); "
                + "expected a folder that can be written to; name another with --out.",
                e);
        }
    }

    /// <summary>Says that a new run cannot begin here.</summary>
    internal RunException InUse() => new(
        $"{Path}: there is a run in this folder already; expected an empty folder; go on with --resume, or name "
        + "another with --out.");

    /// <summary>Writes the settings.</summary>
    /// <exception cref="CheckpointException">They cannot be written.</exception>
    public void WriteSettings<T>(T settings)
        where T : class
    {
        byte[] json = Encoding.UTF8.GetBytes(SettingsJson.Write(settings));
        _files.Write(SettingsPath, json.Length, stream => stream.Write(json));
    }

    /// <summary>Writes what the run is.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void WriteRecord(RunRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        byte[] json = record.ToJson();
        _files.Write(RecordPath, json.Length, stream => stream.Write(json));
    }

    /// <summary>Writes the page that shows the run.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void WriteReport(string html)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(html);
        _files.Write(ReportPath, utf8.Length, stream => stream.Write(utf8));
    }

    /// <summary>Goes on with <c>metrics.jsonl</c>, or begins it.</summary>
    /// <param name="step">Lines of later steps move to a file of their own.</param>
    /// <param name="evaluations">Lines of later evaluations as well; counted from 0.</param>
    /// <param name="note">Is told of that file.</param>
    /// <exception cref="CheckpointException">It cannot be read or written.</exception>
    internal MetricsLog ResumeMetrics(long step, int evaluations, Action<string> note)
    {
        MetricsLog metrics = MetricsLog.Resume(MetricsPath, step, evaluations, _files);
        if (metrics.AsidePath is { } aside)
        {
            note($"metrics of what the run does again are kept in {aside}");
        }

        return metrics;
    }

    /// <summary>The checkpoints of the run.</summary>
    /// <param name="keep">How many of the newest stay.</param>
    public CheckpointStore Checkpoints(int keep) => new(CheckpointsPath, keep, _files);

    /// <summary>Writes the model at the end of the run.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void WriteFinal(IReadOnlyList<NamedArray> state, IReadOnlyDictionary<string, string> metadata) =>
        WriteTensors(FinalName, state, metadata);

    /// <summary>Writes another model beside it.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    internal void WriteTensors(
        string name, IReadOnlyList<NamedArray> state, IReadOnlyDictionary<string, string> metadata) => _files.Write(
            System.IO.Path.Combine(Path, name),
            TensorFile.DataSizeInBytes(state),
            stream => TensorFile.Write(stream, state, metadata));

    /// <summary>Writes a record as indented JSON.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    internal void WriteJson<T>(string name, T value)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value, Json);
        _files.Write(System.IO.Path.Combine(Path, name), json.Length, stream => stream.Write(json));
    }

    private static bool IsOfNoAccount(string path) =>
        DurableFiles.IsTemporary(path) || System.IO.Path.GetFileName(path) == RunLock.FileName;

    private sealed class Hold(RunFolder folder) : IDisposable
    {
        private RunFolder? _folder = folder;

        public void Dispose()
        {
            if (_folder is { } folder && --folder._holds == 0)
            {
                folder._lock!.Dispose();
                folder._lock = null;
            }

            _folder = null;
        }
    }
}
