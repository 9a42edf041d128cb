using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Cli;

/// <summary>Options that several commands have, with messages of our own.</summary>
internal static class Options
{
    /// <summary>Where to compute.</summary>
    public static Option<string?> Device() => new("--device")
    {
        Description = $"Where to compute: {string.Join(", ", Devices.Names)} (default auto).",
        HelpName = "D",
        CustomParser = Choice(Devices.Names),
    };

    /// <summary>Whether a run whose checkpoints are all damaged may begin at step 0.</summary>
    public static Option<bool> BeginAnew() => new("--begin-anew")
    {
        Description = "With --resume: where every checkpoint is damaged or gone, begin at step 0 instead of stopping. "
            + "Damaged checkpoints are kept as *.corrupt, and the metrics in a file beside metrics.jsonl.",
    };

    /// <summary>Refuses options about a run that goes on without <c>--resume</c>.</summary>
    /// <exception cref="UsageException">One was given alone.</exception>
    public static void RequireResume(bool resume, params ReadOnlySpan<(string Name, bool IsGiven)> options)
    {
        foreach ((string name, bool isGiven) in options)
        {
            if (isGiven && !resume)
            {
                throw new UsageException(
                    $"{name} alone says nothing; expected --resume as well: the run to go on with if it can be; "
                    + "add --resume, or leave both out for a new run");
            }
        }
    }

    /// <summary>What to compute in.</summary>
    public static Option<string?> DType() => new("--dtype")
    {
        Description = "Type of the activations: f32, bf16 or f64 (default f32).",
        HelpName = "T",
        CustomParser = Choice("f32", "bf16", "f64"),
    };

    /// <summary>Compute threads.</summary>
    public static Option<int?> Threads() => Integer("--threads", "Compute threads (default: one per processor).", 1);

    /// <summary>Kernels to run instead of the built-in ones.</summary>
    public static Option<string?> KernelsDirectory() => Path(
        "--kernels-dir", "DIR",
        "Run the kernels (*.cu) of this folder, for example an edited copy of kernels/ or the edited files alone.");

    /// <summary>A preset by name.</summary>
    public static Option<string?> Preset(string name, string description) => new(name)
    {
        Description = $"{description}: {string.Join(", ", Presets.All.Select(preset => preset.Name))}.",
        HelpName = "PRESET",
        CustomParser = Choice([.. Presets.All.Select(preset => preset.Name)]),
    };

    /// <summary>The model to use.</summary>
    public static Option<string?> Checkpoint() => RequiredPath(
        "--checkpoint", "FILE", "A final.safetensors or checkpoint of cudavit train, or a file of cudavit import.");

    /// <summary>Images to use.</summary>
    public static Option<string?> Data() => Path(
        "--data",
        "PATH",
        "A folder of image files (train/CLASS/* and val/CLASS/*; CLASS/*; or no classes), of tar archives of "
        + $"them, or of IDX or CIFAR files; one such archive or file; or {DatasetLocator.FashionSubset} (default).");

    /// <summary>Where classes come from.</summary>
    public static Option<string?> Labels() => Path(
        "--labels",
        "RULE",
        "Where the classes of a folder of images come from: folders, those in each part; none; or a text file with "
        + "lines NAME,CLASS (default: folders, if there are some with few images beside them).");

    /// <summary>How many images to hold out.</summary>
    public static Option<double?> HoldOut() => Real(
        "--hold-out",
        "Hold out this share of the images, like 0.1, where the data have no part for that (val, test). Chosen by a "
        + "hash of their names: images added later move no other.");

    /// <summary>How long a run that goes on is to be in all.</summary>
    public static Option<int?> Extend() => Integer(
        "--extend",
        "Go on with the run in --out until N epochs in all, also when it is complete. From where it stands, learning "
        + "rate and momentum follow the schedules of a run of that length, so that the rate of a complete run rises "
        + "again; the warm-up stays what it was.",
        1);

    /// <summary>Refuses to extend what is not there.</summary>
    /// <exception cref="RunException">There is no run in the folder.</exception>
    public static void RequireRunToExtend(int? extend, RunFolder? folder)
    {
        if (extend is not null && folder?.HasRun != true)
        {
            throw new RunException(
                $"{folder?.Path ?? "--extend"}: there is no run to extend; expected --out with the folder of one; name "
                + "it, or give a new run its length with --epochs.");
        }
    }

    /// <summary>Whether a run may go on with other images.</summary>
    public static Option<bool> AcceptChangedData() => new("--accept-changed-data")
    {
        Description = "With --resume: go on although names or sizes of the image files are not those that the run "
            + "began with. The number of steps in an epoch must stay.",
    };

    /// <summary>Whether to turn images.</summary>
    public static Option<bool> ExifOrientation() => new("--exif-orientation")
    {
        Description = "Turn photographs upright as their EXIF data say (default: take the pixels as they are stored, "
            + "as the reference implementation does, or as in the model's training).",
    };

    /// <summary>Who decodes images.</summary>
    public static Option<string?> Decoder() => OneOf(
        "--decoder",
        "Who decodes JPEG and PNG files: native, libjpeg-turbo and libpng; managed, code that needs no library, slower "
            + "and with slightly other pixels of JPEG files; or auto, native where the libraries are installed "
            + "(default, or as in the model's training).",
        [.. Enum.GetNames<DecoderKind>().Select(kind => kind.ToLowerInvariant())]);

    /// <summary>Where to write event files, with a default when only the name of the option is given.</summary>
    public static Option<string?> TensorBoard() => new("--tensorboard")
    {
        Description = "Write event files for TensorBoard too: to DIR, or to tensorboard in the folder of the run.",
        HelpName = "DIR",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => result.Tokens is [] ? "tensorboard"
            : result.Tokens[0].Value is { Length: > 0 } path ? System.IO.Path.GetFullPath(path)
            : Reject<string>(result, "--tensorboard is empty; expected a path, or nothing behind it"),
    };

    /// <summary>A path that must be given.</summary>
    public static Option<string?> RequiredPath(string name, string helpName, string description)
    {
        Option<string?> option = Path(name, helpName, description);
        option.Required = true;
        return option;
    }

    /// <summary>A path.</summary>
    public static Option<string?> Path(string name, string helpName, string description) => new(name)
    {
        Description = description,
        HelpName = helpName,
        CustomParser = result => result.Tokens[0].Value is { Length: > 0 } path
            ? path
            : Reject<string>(result, $"{name} is empty; expected a path"),
    };

    /// <summary>One of a few words.</summary>
    public static Option<string?> OneOf(string name, string description, params string[] words) => new(name)
    {
        Description = description,
        HelpName = "WORD",
        CustomParser = Choice(words),
    };

    /// <summary>Machine-readable output.</summary>
    public static Option<bool> Json(string description = "Print one JSON object instead of text.") =>
        new("--json") { Description = description };

    /// <summary>Any setting by its key, as often as wanted.</summary>
    /// <param name="settings">The record of the command's settings.</param>
    /// <param name="example">For example <c>recipe.temperature=0.1</c>.</param>
    public static Option<SettingsOption[]> Set(Type settings, string example)
    {
        const string Name = "--set";
        return new Option<SettingsOption[]>(Name)
        {
            Description = $"Any setting by its key, and only that: {example}. May be given many times; the last one "
                + "wins, also over other options. cudavit settings lists the keys.",
            HelpName = "KEY=VALUE",
            CustomParser = result => [.. result.Tokens.Select(token => Assign(result, token.Value))],
        };

        SettingsOption Assign(ArgumentResult result, string text)
        {
            int end = text.IndexOf('=', StringComparison.Ordinal);
            string key = text[..Math.Max(0, end)];
            try
            {
                return end > 0
                    ? new SettingsOption(Name, key, SettingKey.Find(settings, key).Parse(text[(end + 1)..]))
                    : throw new SettingsException($"'{text}' is no setting; expected KEY=VALUE, like {example}");
            }
            catch (SettingsException error)
            {
                return Reject<SettingsOption>(result, $"{Name}: {error.Message.TrimEnd('.')}")!;
            }
        }
    }

    /// <summary>A whole number.</summary>
    public static Option<int?> Integer(string name, string description, int minimum) =>
        Number<int>(name, description, minimum);

    /// <summary>A whole number of a given type.</summary>
    public static Option<T?> Number<T>(string name, string description, T minimum)
        where T : struct, INumber<T>, IMinMaxValue<T> => new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result =>
                T.TryParse(
                    result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value)
                && value >= minimum
                    ? value
                    : Reject<T?>(
                        result, $"{name} is '{result.Tokens[0].Value}'; "
                            + $"expected a whole number from {minimum} to {T.MaxValue}"),
        };

    /// <summary>A number, not negative.</summary>
    public static Option<double?> Real(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result =>
            double.TryParse(
                result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && value >= 0 && double.IsFinite(value)
                ? value
                : Reject<double?>(
                    result, $"{name} is '{result.Tokens[0].Value}'; expected a number of at least 0, like 0.65"),
    };

    /// <summary>Positive numbers with commas between them; empty when they are not given.</summary>
    public static Option<double[]> Numbers(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N,N",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            double[] numbers = [.. text.Split(',').Select(part =>
                double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                    ? number
                    : 0)];
            return Array.TrueForAll(numbers, number => number > 0 && double.IsFinite(number))
                ? numbers
                : Reject<double[]>(
                    result, $"{name} is '{text}'; expected numbers above 0 with commas between them, like 0.3,1,3");
        },
    };

    /// <summary>The element type that an option names.</summary>
    public static DType ToDType(string? name) => name switch
    {
        null or "f32" => Core.DType.F32,
        "bf16" => Core.DType.BF16,
        _ => Core.DType.F64,
    };

    /// <summary>A setting, if its option was given; a default of the option's own is none.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="option">The option.</param>
    /// <param name="key">The setting it stands for.</param>
    /// <param name="value">Its value.</param>
    public static IEnumerable<SettingsOption> Given(
        this ParseResult parsed, Option option, string key, JsonNode? value) =>
        parsed.GetResult(option) is { Implicit: false } ? [new SettingsOption(option.Name, key, value)] : [];

    private static Func<ArgumentResult, string?> Choice(params string[] names) => result =>
        names.Contains(result.Tokens[0].Value)
            ? result.Tokens[0].Value
            : Reject<string?>(
                result,
                $"{((OptionResult)result.Parent!).Option.Name} is '{result.Tokens[0].Value}'"
                + $"{Spelling.Suggestion(result.Tokens[0].Value, names)}; expected one of {string.Join(", ", names)}");

    private static T? Reject<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default;
    }
}
