using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Compares the tensors of a file with those that a model has, before anything is allocated for it: after that, the
/// length of the file bounds the memory of the model.
/// </summary>
internal static class LayoutCheck
{
    private const int NamesShown = 8;

    /// <summary>
    /// Throws unless every tensor of a model is there, in its shape and in a type that it can be read from.
    /// </summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="entries">What the model has.</param>
    /// <param name="find">The tensor of a name in the file; null if there is none.</param>
    /// <param name="advice">What to do about it.</param>
    /// <exception cref="CheckpointException">
    /// The message names the first that are missing or different, and counts them.
    /// </exception>
    public static void Require(
        string path,
        IEnumerable<StateEntry> entries,
        Func<string, SafetensorsTensor?> find,
        string advice = "export it again")
    {
        (StateEntry Entry, SafetensorsTensor? Tensor)[] pairs =
            [.. entries.Select(entry => (entry, find(entry.Name)))];
        string[] missing = [.. pairs.Where(pair => pair.Tensor is null).Select(pair => pair.Entry.Name)];
        if (missing.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: {missing.Length} tensors are missing: {Shown(missing)}; expected all of a part "
                + $"of the model or none; {advice}.");
        }

        string[] wrong = [.. pairs
            .Where(pair => !IsUsable(pair.Entry, pair.Tensor!))
            .Select(pair => $"{pair.Tensor} instead of {pair.Entry.Shape}")];
        if (wrong.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: {wrong.Length} tensors have another shape or type than the model: {Shown(wrong)};"
                + $" expected those of one model; {advice}.");
        }
    }

    /// <summary>Throws unless all values that training is to begin with are numbers.</summary>
    /// <param name="path">File they were read from, for the message.</param>
    /// <param name="state">Arrays by name; integers are passed over.</param>
    /// <exception cref="CheckpointException">The message names the arrays that are not finite.</exception>
    public static void RequireFinite(string path, IReadOnlyDictionary<string, NdArray> state)
    {
        string[] broken = [.. state
            .Where(pair => pair.Value.DType.IsFloatingPoint() && pair.Value.Backend.IndexOfNonFinite(pair.Value) >= 0)
            .Select(pair => pair.Key)
            .Order(StringComparer.Ordinal)];
        if (broken.Length > 0)
        {
            throw new CheckpointException(
                $"{path}: {Shown(broken)} {(broken.Length == 1 ? "has" : "have")} values that are not numbers or "
                + "infinite; expected finite ones to begin with; use another checkpoint.");
        }
    }

    /// <summary>The first few names of a list that may be that of a whole model.</summary>
    public static string Shown(IReadOnlyCollection<string> names) => names.Count <= NamesShown
        ? string.Join(", ", names)
        : $"{string.Join(", ", names.Take(NamesShown))} and {names.Count - NamesShown} more";

    // A counter is the only thing without an axis, and the only integer.
    private static bool IsUsable(StateEntry entry, SafetensorsTensor tensor) =>
        tensor.Shape.SequenceEqual(entry.Shape.Select(size => (long)size))
        && (entry.Shape.Rank == 0
            ? tensor.DType == SafetensorsDType.I64
            : tensor.DType is SafetensorsDType.F64 or SafetensorsDType.F32 or SafetensorsDType.BF16
                or SafetensorsDType.F16);
}
