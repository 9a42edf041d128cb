using CudaViT.Core;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints;

/// <summary>Lets a run begin with the weights of a file in place of random ones.</summary>
/// <remarks>
/// A file may have all of a MoCo v3 model or less. The encoder must be there. A momentum encoder that is missing starts
/// as a copy of the base encoder, as it does without a file; a projector or predictor that is missing is drawn. The
/// optimizer starts anew in any case.
/// </remarks>
public static class InitialWeights
{
    private const string Base = TrainedModel.EncoderPrefix;
    private const string Momentum = "momentum_encoder.";
    private const string Predictor = "predictor.";

    /// <summary>The model of a file, with what it does not decide taken from other settings.</summary>
    /// <param name="path">A safetensors file with the settings in its header.</param>
    /// <param name="settings">Where missing heads and the freezing of the patch projection come from.</param>
    /// <exception cref="InputException">
    /// The file cannot be read, has no settings, or its tensors are not those of its settings.
    /// </exception>
    public static ModelSettings Model(string path, ModelSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        ModelSettings model = TrainedModel.ReadSettings(file, path).Model;
        bool hasProjector = Has(file, Projector(model));
        model = model with
        {
            HeadHidden = hasProjector ? model.HeadHidden : settings.HeadHidden,
            HeadOutput = hasProjector ? model.HeadOutput : settings.HeadOutput,
            HeadBatchNorm = hasProjector ? model.HeadBatchNorm : settings.HeadBatchNorm,
            Predictor = Has(file, Predictor) || settings.Predictor,
            FreezePatch = settings.FreezePatch,
        };
        _ = RequireFit(path, file, new MoCoV3(model, temperature: 1)); // declared only: no memory for what a file says
        return model;
    }

    /// <summary>Puts the values of the file into a model.</summary>
    /// <param name="init">The file, with its digest.</param>
    /// <param name="model">Initialized.</param>
    /// <param name="backend">Device of the model.</param>
    /// <returns>A line for the user: what was read, and what was not in the file.</returns>
    /// <exception cref="InputException">
    /// The file cannot be read, is another one than the settings say, or does not fit the model; the message names the
    /// tensors, and the model is as it was.
    /// </exception>
    public static string Load(InitSettings init, MoCoV3 model, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(init);
        ArgumentNullException.ThrowIfNull(model);
        string path = init.Path ?? throw new ArgumentException("There is no file.", nameof(init));
        RequireSame(path, init.Sha256);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        (StateEntry[] given, string[] drawn, bool copiesMomentum) = RequireFit(path, file, model);

        using var scope = new StepScope();
        Dictionary<string, NdArray> state = model.State()
            .Where(named => IsIn(named.Name, drawn))
            .ToDictionary(named => named.Name, named => named.Array.Clone());
        string encoder = TrainedModel.PrefixIn(file);
        string[] others = encoder == "" ? [] : [Momentum, Predictor];
        foreach ((string prefix, string written) in others.Select(name => (name, name)).Prepend((Base, encoder)))
        {
            foreach ((string name, NdArray array) in TensorFile.Read(file, backend, path, written))
            {
                state.TryAdd(prefix + name, array);
            }
        }

        foreach (StateEntry entry in given)
        {
            state.TryAdd(entry.Name, state[Source(entry.Name, copiesMomentum)]);
        }

        LayoutCheck.RequireFinite(path, state);
        model.Load(state);
        return $"starting with {given.Length} tensors of {path}"
            + (copiesMomentum ? "; the momentum encoder is a copy" : "")
            + (drawn.Length > 0 ? $"; drawn, as they are not in the file: {string.Join(", ", drawn)}" : "");
    }

    // What none of the file's tensors belong to. A copied momentum encoder shares the base encoder's projector.
    private static IEnumerable<string> Absent(SafetensorsFile file, MoCoV3 model, bool copiesMomentum)
    {
        string projector = Projector(model.BaseEncoder);
        if (!Has(file, projector))
        {
            yield return projector;
        }

        string itsProjector = Momentum + projector[Base.Length..];
        if (copiesMomentum ? !Has(file, projector) : !Has(file, itsProjector))
        {
            yield return itsProjector;
        }

        if (model.Predictor is not null && !Has(file, Predictor))
        {
            yield return Predictor;
        }
    }

    private static void RequireSame(string path, string? expected)
    {
        if (expected is not null && FileDigest.Of(path) is var digest && digest != expected)
        {
            throw new CheckpointException(
                $"{path}: the SHA-256 of the file is {digest}, but the settings say {expected}; expected the weights "
                + "the run began with; restore the file, or leave init.sha256 out in a new run.");
        }
    }

    /// <summary>Divides a model into what the file gives and what is drawn.</summary>
    private static (StateEntry[] Given, string[] Drawn, bool CopiesMomentum) RequireFit(
        string path, SafetensorsFile file, MoCoV3 model)
    {
        bool copiesMomentum = !Has(file, Momentum);
        string[] drawn = [.. Absent(file, model, copiesMomentum)];
        IReadOnlyList<StateEntry> layout = model.Layout();
        StateEntry[] given = [.. layout.Where(entry => !IsIn(entry.Name, drawn))];
        LayoutCheck.Require(
            path,
            given,
            name => InFile(file, Source(name, copiesMomentum)) is var source && file.Contains(source)
                ? file[source]
                : null,
            "correct the model's settings, or leave them to the file");
        HashSet<string> known = [.. layout.Select(entry => entry.Name)];
        string[] unknown = [.. file.Tensors
            .Select(tensor => tensor.Name)
            .Where(name => TrainedModel.PrefixIn(file) == ""
                ? !known.Contains(Base + name)
                : IsIn(name, Base, Momentum, Predictor) && !known.Contains(name))];
        return unknown.Length == 0
            ? (given, drawn, copiesMomentum)
            : throw new CheckpointException(
                $"{path}: the model has no place for {unknown.Length} tensors: {LayoutCheck.Shown(unknown)}; expected "
                + "those of one model; correct the model's settings, or leave them to the file.");
    }

    private static string Source(string name, bool copiesMomentum) =>
        copiesMomentum && name.StartsWith(Momentum, StringComparison.Ordinal) ? Base + name[Momentum.Length..] : name;

    // An exported file has nothing but the encoder, under the names of timm.
    private static string InFile(SafetensorsFile file, string name) =>
        name.StartsWith(Base, StringComparison.Ordinal) ? TrainedModel.PrefixIn(file) + name[Base.Length..] : name;

    private static string Projector(ModelSettings model) =>
        Projector(Encoders.Create(model with { HeadHidden = 1, HeadOutput = 1 })); // declared only: no memory

    private static string Projector(Encoder encoder)
    {
        string first = encoder.Layout().Except(encoder.BackboneLayout()).First().Name;
        return Base + first[..(first.IndexOf('.', StringComparison.Ordinal) + 1)];
    }

    private static bool Has(SafetensorsFile file, string prefix) =>
        file.Tensors.Any(tensor => IsIn(tensor.Name, prefix));

    private static bool IsIn(string name, params ReadOnlySpan<string> prefixes)
    {
        foreach (string prefix in prefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
