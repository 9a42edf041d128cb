using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>A place in a state that can be read and written, whatever keeps the value.</summary>
/// <param name="Name">Name in a checkpoint.</param>
/// <param name="Shape">Dimensions.</param>
/// <param name="DType">Element type.</param>
/// <param name="Read">Returns the values.</param>
/// <param name="Write">Takes over values of this shape and type.</param>
internal sealed record StateSlot(string Name, Shape Shape, DType DType, Func<NdArray> Read, Action<NdArray> Write)
{
    // A checkpoint of another model differs in hundreds of names; the first few tell which.
    private const int NamesShown = 4;

    /// <summary>An array that lives on the device.</summary>
    public static StateSlot Of(string name, NdArray array) => new(name, array.Shape, array.DType, () => array, source =>
    {
        array.Backend.Copy(source, array);
        array.Storage.MarkChanged();
    });

    /// <summary>A whole number that lives on the host, as an I64 scalar.</summary>
    public static StateSlot Of(string name, IBackend backend, Func<long> get, Action<long> set) =>
        new(
            name,
            [],
            DType.I64,
            () => NdArray.From<long>(backend, [get()], []),
            source => set(source.ToArray<long>()[0]));

    /// <summary>Writes every slot, or none when the names or shapes do not agree.</summary>
    /// <param name="slots">Where to write.</param>
    /// <param name="source">Values by name; floating-point types are converted.</param>
    /// <param name="target">What is loaded, for the message.</param>
    /// <exception cref="StateException">Names are missing or left over, or a shape or type differs.</exception>
    public static void WriteAll(
        IReadOnlyCollection<StateSlot> slots, IReadOnlyDictionary<string, NdArray> source, string target)
    {
        var names = slots.Select(slot => slot.Name).ToHashSet(StringComparer.Ordinal);
        var problems = new List<string>();
        Report(problems, "missing", slots.Where(slot => !source.ContainsKey(slot.Name)).Select(slot => slot.Name));
        Report(problems, "not expected", source.Keys.Where(name => !names.Contains(name)));
        Report(problems, "of another shape or type", slots
            .Where(slot => source.TryGetValue(slot.Name, out NdArray? array) && !slot.Fits(array))
            .Select(slot => (Slot: slot, Array: source[slot.Name]))
            .Select(pair => $"{pair.Slot.Name} {pair.Array.DType}{pair.Array.Shape} "
                + $"instead of {pair.Slot.DType}{pair.Slot.Shape}"));
        if (problems.Count > 0)
        {
            throw new StateException(
                $"The state does not fit the {target}: {string.Join("; ", problems)}. "
                + "Load it with the settings that it was saved with.");
        }

        using var scope = new StepScope(); // converted copies
        foreach (StateSlot slot in slots)
        {
            slot.Write(source[slot.Name].Cast(slot.DType));
        }
    }

    private static void Report(List<string> problems, string what, IEnumerable<string> names)
    {
        string[] all = [.. names];
        if (all.Length > 0)
        {
            string rest = all.Length > NamesShown ? $" and {all.Length - NamesShown} more" : "";
            problems.Add($"{all.Length} {what} ({string.Join(", ", all.Take(NamesShown))}{rest})");
        }
    }

    private bool Fits(NdArray array) => array.Shape == Shape
        && (array.DType == DType || (array.DType.IsFloatingPoint() && DType.IsFloatingPoint()));
}

/// <summary>One array of a state: of a model, or of an optimizer.</summary>
/// <param name="Name">Name in a checkpoint.</param>
/// <param name="Array">The values; shared with their owner, not copied.</param>
public readonly record struct NamedArray(string Name, NdArray Array);

/// <summary>A name in the state of a model, and the shape of what belongs to it.</summary>
/// <param name="Name">Relative to the module that was asked.</param>
/// <param name="Shape">Dimensions; none for a counter.</param>
public sealed record StateEntry(string Name, Shape Shape);

/// <summary>A state does not fit the model or optimizer that it was to be loaded into.</summary>
public sealed class StateException : InputException
{
    /// <summary>Creates the error.</summary>
    public StateException(string message)
        : base(message)
    {
    }
}
