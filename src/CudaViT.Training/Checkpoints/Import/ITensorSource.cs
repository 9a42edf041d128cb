using CudaViT.Core;

namespace CudaViT.Training.Checkpoints.Import;

/// <summary>Named tensors of a file of any form.</summary>
internal interface ITensorSource : IDisposable
{
    /// <summary>What kind of file it is, for people.</summary>
    string Kind { get; }

    /// <summary>All tensors.</summary>
    IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>Tensors of types that are not read here, or that repeat their elements beyond measure.</summary>
    IReadOnlyList<OtherTensor> Others { get; }

    /// <summary>Free-form strings of the file.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>What the file holds besides the tensors of a model, by name.</summary>
    IReadOnlyList<string> Rest { get; }

    /// <summary>Hands a tensor's elements on, little-endian and row-major, in parts.</summary>
    void CopyTo(string name, Action<ReadOnlySpan<byte>> sink);
}

/// <summary>Opens files by what is in them, whatever their names end in.</summary>
internal static class TensorSources
{
    /// <summary>Opens a PyTorch or safetensors file.</summary>
    /// <exception cref="InputException">It cannot be read or is neither.</exception>
    public static ITensorSource Open(string path)
    {
        if (FileKind.Find(path) is { IsTorch: false } kind)
        {
            throw new CheckpointException(
                $"{path}: this is {kind.Name}; expected a .pth.tar, .pth or .safetensors file; {kind.Advice}.");
        }

        Span<byte> start = stackalloc byte[9];
        try
        {
            using FileStream file = File.OpenRead(path);
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}); expected a .pth.tar, .pth or .safetensors file; "
                + "check the path.",
                e);
        }

        // A safetensors file begins with the length of the JSON that follows.
        return start.Length == 9 && start[8] == '{' ? new SafetensorsSource(path) : new TorchSource(path);
    }
}
