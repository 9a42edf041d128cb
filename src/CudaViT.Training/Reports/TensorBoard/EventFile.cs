using System.Buffers.Binary;
using System.Globalization;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Reports.TensorBoard;

/// <summary>An event file as TensorBoard reads it: records of one <c>Event</c> message each.</summary>
/// <remarks>
/// A record is the length of its data (64 bits), a checksum of the length, the data, and a checksum of the data. The
/// checksums are CRC-32C, rotated and offset so that a checksum of data that holds checksums is no special case
/// (tensorflow/core/lib/io/record_writer.h). The messages are those of tensorflow/core/util/event.proto and
/// tensorflow/core/framework/summary.proto.
/// </remarks>
internal sealed class EventFile : IDisposable
{
    private const string Version = "brain.Event:2";
    private const uint MaskDelta = 0xa282ead8;

    // Fields of Event.
    private const int WallTime = 1;
    private const int Step = 2;
    private const int FileVersion = 3;
    private const int Summary = 5;
    private const int SessionLog = 7;

    private const int SessionStatus = 1;
    private const long SessionStart = 1;

    private readonly FileStream _stream;
    private readonly TimeProvider _clock;

    private EventFile(FileStream stream, TimeProvider clock) => (_stream, _clock) = (stream, clock);

    /// <summary>Begins a file. Its name sorts behind those that are there, in which order TensorBoard reads.</summary>
    /// <param name="folder">Made if need be.</param>
    /// <param name="firstStep">
    /// What older files of the folder say of this step and of later ones no longer holds: a run goes on from there. A
    /// reader drops it when it meets the start of a session.
    /// </param>
    /// <param name="clock">What time it is.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static EventFile Create(string folder, long firstStep, TimeProvider clock)
    {
        Directory.CreateDirectory(folder);
        long seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        foreach (string older in Directory.EnumerateFiles(folder, "events.out.tfevents.*"))
        {
            string number = Path.GetFileName(older).Split('.')[3];
            seconds = long.TryParse(number, CultureInfo.InvariantCulture, out long other) && other >= seconds
                ? other + 1
                : seconds;
        }

        string name = string.Create(
            CultureInfo.InvariantCulture, $"events.out.tfevents.{seconds:0000000000}.cudavit.{Environment.ProcessId}");
        string path = Path.Combine(folder, name);
        var file = new EventFile(
            new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0), clock);
        file.Write(file.Event(firstStep).Add(FileVersion, Version));
        file.Write(file.Event(firstStep).Add(SessionLog, new ProtoMessage().Add(SessionStatus, SessionStart)));
        return file;
    }

    /// <summary>Adds the values of a step. They can be read at once.</summary>
    /// <exception cref="IOException">The disk is full.</exception>
    public void Add(long step, SummaryMessage summary) => Write(Event(step).Add(Summary, summary.Message));

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32.Castagnoli.Of(bytes);
        return ((crc >> 15) | (crc << 17)) + MaskDelta;
    }

    private ProtoMessage Event(long step) => new ProtoMessage()
        .Add(WallTime, _clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0)
        .Add(Step, step);

    // One write for a record: a process that is killed leaves none of it or all.
    private void Write(ProtoMessage message)
    {
        using var data = new MemoryStream();
        message.WriteTo(data);
        byte[] record = new byte[sizeof(ulong) + sizeof(uint) + data.Length + sizeof(uint)];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(sizeof(ulong)), Masked(record.AsSpan(0, sizeof(ulong))));
        data.GetBuffer().AsSpan(0, (int)data.Length).CopyTo(record.AsSpan(sizeof(ulong) + sizeof(uint)));
        BinaryPrimitives.WriteUInt32LittleEndian(
            record.AsSpan(record.Length - sizeof(uint)), Masked(data.GetBuffer().AsSpan(0, (int)data.Length)));
        _stream.Write(record);
    }
}
