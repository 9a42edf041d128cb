namespace CudaViT.Training.Checkpoints.Import;

/// <summary>The tensors of a safetensors file.</summary>
internal sealed class SafetensorsSource(string path) : ITensorSource
{
    private const int ChunkBytes = 1 << 20;

    private readonly SafetensorsFile _file = SafetensorsFile.Open(path);

    public string Kind => "safetensors";

    public IReadOnlyList<SafetensorsTensor> Tensors => _file.Tensors;

    public IReadOnlyList<OtherTensor> Others => _file.Others;

    public IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    public IReadOnlyList<string> Rest => [];

    public void CopyTo(string name, Action<ReadOnlySpan<byte>> sink)
    {
        long size = _file[name].SizeInBytes;
        byte[] chunk = new byte[Math.Min(ChunkBytes, size)];
        for (long done = 0; done < size; done += chunk.Length)
        {
            Span<byte> part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, size - done));
            _file.Read(name, part, done);
            sink(part);
        }
    }

    public void Dispose() => _file.Dispose();
}
