using System.Text.Json;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests;

/// <summary>
/// One recorded model: its settings, initial state, inputs and tolerances. Nothing about it is known beforehand.
/// </summary>
internal sealed class ModelFixture
{
    private const string Suffix = "_config.json";

    private readonly string _name;
    private readonly Recording _inputs;

    public ModelFixture(string name)
    {
        _name = name;
        Config = Json(name + Suffix);
        Tolerances = Json("tolerances.json").GetProperty(name);
        Init = Read("init");
        _inputs = Read("inputs");
    }

    /// <summary>Names of the recorded models.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Directory.GetFiles(TestKit.Fixtures.File("model"), "*" + Suffix)
            .Select(path => Path.GetFileName(path)[..^Suffix.Length]).Order(StringComparer.Ordinal),
    ];

    /// <summary>One case per backend and model.</summary>
    public static TheoryData<string, string> NameCases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach ((string backend, string name) in EveryPair())
            {
                data.Add(backend, name);
            }

            return data;
        }
    }

    /// <summary>One case per backend, model and type that is compared closely.</summary>
    public static TheoryData<string, string, DType> Cases
    {
        get
        {
            var data = new TheoryData<string, string, DType>();
            foreach ((string backend, string name) in EveryPair())
            {
                data.Add(backend, name, DType.F64);
                data.Add(backend, name, DType.F32);
            }

            return data;
        }
    }

    public JsonElement Config { get; }

    public JsonElement Tolerances { get; }

    public Recording Init { get; }

    /// <summary>
    /// Float32 tolerance of a loss that follows from given values by one forward pass: that of a first step.
    /// </summary>
    public double ForwardLossBound =>
        Tolerances.GetProperty("adamw").GetProperty("suggested_float32_loss_atol")[0].GetDouble();

    /// <summary>
    /// Terms of the longest sum in a step: a weight gradient's, over all token rows of both views, or a head's width.
    /// </summary>
    public double LongestSum
    {
        get
        {
            int patches = Config.GetProperty("img").GetInt32() / Config.GetProperty("patch").GetInt32();
            int rows = 2 * Config.GetProperty("batch").GetInt32() * ((patches * patches) + 1);
            return Math.Max(rows, Config.GetProperty("mlp_dim").GetInt32());
        }
    }

    public Recording Read(string part) => new(TestKit.Fixtures.File("model", $"{_name}_{part}.safetensors"));

    public string[] List(string property) =>
        [.. Config.GetProperty(property).EnumerateArray().Select(element => element.GetString()!)];

    /// <summary>The model in its initial state, in training mode.</summary>
    public MoCoV3 Build(IBackend backend, DType dtype, bool freezePatch)
    {
        int Size(string property) => Config.GetProperty(property).GetInt32();
        var settings = new ModelSettings
        {
            ImageSize = Size("img"),
            Channels = Size("in_channels"),
            Patch = Size("patch"),
            Width = Size("dim"),
            Depth = Size("depth"),
            Heads = Size("heads"),
            MlpRatio = Size("mlp_ratio"),
            HeadHidden = Size("mlp_dim"),
            HeadOutput = Size("moco_dim"),
            FreezePatch = freezePatch,
        };
        var model = new MoCoV3(settings, Config.GetProperty("T").GetDouble());
        model.Initialize(backend, dtype, seed: 0);
        model.BaseEncoder.Load(Init.Arrays(backend, "base_encoder.", dtype));
        model.Predictor!.Load(Init.Arrays(backend, "predictor.", dtype));
        model.CopyBaseToMomentum();
        return model;
    }

    /// <summary>One view of the batch of a step: (u8 − 128) / 64, exact in every type.</summary>
    public Tensor View(IBackend backend, DType dtype, long step, int view)
    {
        Shape pool = _inputs.Shape("pool"); // [batches, views, B, C, H, W]
        int size = (int)pool.CountFrom(2);
        int start = (int)(((step % pool[0] * pool[1]) + view) * size);
        double[] values = Array.ConvertAll(_inputs["pool"][start..(start + size)], pixel => (pixel - 128) / 64);
        return new Tensor(NdArray.FromDoubles(backend, values, Shape.Create(pool.Dimensions[2..]), dtype));
    }

    private static IEnumerable<(string Backend, string Name)> EveryPair() =>
        Backends.ModelNames.SelectMany(backend => Names.Select(name => (backend, name)));

    private static JsonElement Json(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(TestKit.Fixtures.File("model", file)));
        return document.RootElement.Clone();
    }
}
