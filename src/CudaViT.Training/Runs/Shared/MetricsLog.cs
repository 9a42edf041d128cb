using System.Text.Json;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Runs.Shared;

/// <summary>The file <c>metrics.jsonl</c> of a run: one JSON object a line, one line a step or evaluation.</summary>
/// <remarks>
/// Lines can be read as soon as they are written, and reach the disk before the checkpoint that covers them. After a
/// kill the file may go on beyond the newest checkpoint, or end within a line: <see cref="Resume"/> cuts it back to
/// exactly what the checkpoint covers. Everything that depends on the clock is under <c>timing</c>; without it, lines
/// repeat bit for bit.
/// </remarks>
public sealed class MetricsLog : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly FileStream _stream;
    private readonly string _path;

    private MetricsLog(FileStream stream, string path) => (_stream, _path) = (stream, path);

    /// <summary>Starts an empty file.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public static MetricsLog Create(string path) => Open(path, keptBytes: 0);

    /// <summary>
    /// Goes on with the file of a run that stopped, from which lines beyond a checkpoint are cut off.
    /// </summary>
    /// <param name="path">The file; may be missing.</param>
    /// <param name="step">Lines of later steps go.</param>
    /// <param name="evaluations">Lines of later evaluations go; counted from 0.</param>
    /// <exception cref="CheckpointException">It cannot be read or written.</exception>
    public static MetricsLog Resume(string path, long step, int evaluations)
    {
        try
        {
            return Open(path, File.Exists(path) ? CoveredBytes(File.ReadAllBytes(path), step, evaluations) : 0);
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
            _stream.Flush(flushToDisk: true);
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
            // Lines that no checkpoint covers: resuming would cut them off anyway.
        }
    }

    private static MetricsLog Open(string path, long keptBytes)
    {
        try
        {
            var stream = new FileStream(
                path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            stream.SetLength(keptBytes);
            stream.Seek(0, SeekOrigin.End);
            return new MetricsLog(stream, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, e);
        }
    }

    private static long CoveredBytes(ReadOnlySpan<byte> content, long step, int evaluations)
    {
        int kept = 0;
        while (content[kept..].IndexOf((byte)'\n') is int length and >= 0
            && IsCovered(content.Slice(kept, length), step, evaluations))
        {
            kept += length + 1;
        }

        return kept;
    }

    private static bool IsCovered(ReadOnlySpan<byte> line, long step, int evaluations)
    {
        try
        {
            var place = JsonSerializer.Deserialize<Place>(line, Json);
            return place?.Step <= step && (place.Evaluation is null || place.Evaluation < evaluations);
        }
        catch (JsonException)
        {
            return false; // blocks reach the disk in any order when the machine stops: the rest is not trustworthy
        }
    }

    private static CheckpointException CannotWrite(string path, Exception e) => new(
        $"{path}: cannot be written ({e.Message.TrimEnd('.')}); expected room for a few hundred bytes a step; "
        + "free some space, then go on with --resume.",
        e);

    /// <summary>What decides whether a checkpoint covers a line.</summary>
    private sealed record Place(long Step, int? Evaluation);
}
