using System.Globalization;
using System.Text.Json;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Runs.Shared;

/// <summary>The file <c>metrics.jsonl</c> of a run: one JSON object a line, one line a step or evaluation.</summary>
/// <remarks>
/// Lines can be read as soon as they are written, and reach the disk before the checkpoint that covers them. After a
/// kill the file may go on beyond the newest checkpoint, or end within a line: <see cref="Resume"/> cuts it back to
/// exactly what the checkpoint covers, and keeps the lines that it cuts off in a file of their own. Everything that
/// depends on the clock is under <c>timing</c>; without it, lines repeat bit for bit.
/// </remarks>
public sealed class MetricsLog : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly DurableFiles _files;
    private readonly Stream _stream;
    private readonly string _path;

    private MetricsLog(DurableFiles files, Stream stream, string path, string? asidePath) =>
        (_files, _stream, _path, AsidePath) = (files, stream, path, asidePath);

    /// <summary>The file that holds the lines which were cut off; null if there were none.</summary>
    public string? AsidePath { get; }

    /// <summary>Starts a file: whatever is in it goes into another.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public static MetricsLog Create(string path) => Resume(path, step: 0, evaluations: 0);

    /// <summary>
    /// Goes on with the file of a run that stopped. Lines beyond a checkpoint move to a new file beside it, named after
    /// the step: <c>metrics.after-step-12.jsonl</c>.
    /// </summary>
    /// <param name="path">The file; may be missing.</param>
    /// <param name="step">Lines of later steps go.</param>
    /// <param name="evaluations">Lines of later evaluations go; counted from 0.</param>
    /// <param name="files">How files are written; null for the file system.</param>
    /// <exception cref="CheckpointException">It cannot be read or written; no line is lost.</exception>
    public static MetricsLog Resume(string path, long step, int evaluations, DurableFiles? files = null)
    {
        files ??= DurableFiles.ForOwner();
        try
        {
            byte[] content = File.Exists(path) ? File.ReadAllBytes(path) : [];
            int kept = CoveredBytes(content, step, evaluations);
            string? aside = KeepAside(path, content.AsMemory(kept), step, files); // before they are cut off
            return new MetricsLog(files, files.Append(path, kept), path, aside);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, e);
        }
    }

    /// <summary>The newest step that a file has a line of; 0 if it has none or is missing.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    internal static long LastStep(string path)
    {
        try
        {
            long last = 0;
            ReadOnlySpan<byte> content = File.Exists(path) ? File.ReadAllBytes(path) : [];
            while (content.IndexOf((byte)'\n') is int length and >= 0)
            {
                last = Math.Max(last, PlaceOf(content[..length])?.Step ?? 0);
                content = content[(length + 1)..];
            }

            return last;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, e);
        }
    }

    /// <summary>Adds the line of a step, of an evaluation or of another reading.</summary>
    /// <typeparam name="T">A record with the step it belongs to; an evaluation has its number, too.</typeparam>
    /// <exception cref="CheckpointException">The disk is full.</exception>
    public void Write<T>(T line)
    {
        try
        {
            _stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, Json), (byte)'\n']);
        }
        catch (IOException e)
        {
            throw CannotWrite(_path, e);
        }
    }

    /// <summary>Brings every line to the disk.</summary>
    /// <exception cref="CheckpointException">The disk is full.</exception>
    public void Flush()
    {
        try
        {
            _files.Flush(_stream);
        }
        catch (IOException e)
        {
            throw CannotWrite(_path, e);
        }
    }

    /// <summary>
    /// Writes what is buffered and closes the file. A full disk was reported before, or does not matter now.
    /// </summary>
    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // Lines that no checkpoint covers: the run goes on from before them.
        }
    }

    // A torn end without one whole line says nothing.
    private static string? KeepAside(string path, ReadOnlyMemory<byte> lines, long step, DurableFiles files)
    {
        if (!HasLine(lines.Span))
        {
            return null;
        }

        string stem = Path.ChangeExtension(path, string.Create(CultureInfo.InvariantCulture, $"after-step-{step}"));
        string aside = DurableFiles.FreeName(number => number is null ? $"{stem}.jsonl" : $"{stem}.{number}.jsonl");
        files.Write(aside, lines.Length, stream => stream.Write(lines.Span));
        return aside;
    }

    private static bool HasLine(ReadOnlySpan<byte> content)
    {
        while (content.IndexOf((byte)'\n') is int length and >= 0)
        {
            if (PlaceOf(content[..length]) is not null)
            {
                return true;
            }

            content = content[(length + 1)..];
        }

        return false;
    }

    private static int CoveredBytes(ReadOnlySpan<byte> content, long step, int evaluations)
    {
        int kept = 0;
        while (content[kept..].IndexOf((byte)'\n') is int length and >= 0
            && IsCovered(content.Slice(kept, length), step, evaluations))
        {
            kept += length + 1;
        }

        return kept;
    }

    private static bool IsCovered(ReadOnlySpan<byte> line, long step, int evaluations) =>
        PlaceOf(line) is { } place
        && place.Step <= step
        && (place.Evaluation is null || place.Evaluation < evaluations);

    private static Place? PlaceOf(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<Place>(line, Json);
        }
        catch (JsonException)
        {
            return null; // blocks reach the disk in any order when the machine stops: the rest is not trustworthy
        }
    }

    private static CheckpointException CannotWrite(string path, Exception e) => new(
        $"{path}: cannot be written ({e.Message.TrimEnd('.')}); expected room for a few hundred bytes a step; "
        + "free some space, then go on with --resume.",
        e);

    /// <summary>What decides whether a checkpoint covers a line.</summary>
    private sealed record Place(long Step, int? Evaluation);
}
