namespace CudaViT.Training.Checkpoints.Import;

/// <summary>Named tensors of a file of any form.</summary>
internal interface ITensorSource : IDisposable
{
    /// <summary>What kind of file it is, for people.</summary>
    string Kind { get; }

    /// <summary>All tensors.</summary>
    IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>Free-form strings of the file.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>What the file holds besides the tensors of a model, by name.</summary>
    IReadOnlyList<string> Rest { get; }

    /// <summary>Hands a tensor's elements on, little-endian and row-major, in parts.</summary>
    void CopyTo(string name, Action<ReadOnlySpan<byte>> sink);
}
