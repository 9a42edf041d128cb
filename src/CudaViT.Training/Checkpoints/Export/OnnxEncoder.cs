using System.Globalization;
using System.Runtime.InteropServices;
using CudaViT.Training.Models;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Checkpoints.Export;

/// <summary>Writes an encoder as an ONNX graph: standardized images in, features out.</summary>
/// <remarks>
/// One helper for each layer of <c>Vit</c> and <c>ResNet</c>, in the same order. Weights keep the names that they have
/// in timm. Batch normalizations are those of evaluation.
/// </remarks>
internal sealed class OnnxEncoder
{
    private const double LayerNormEpsilon = 1e-6;
    private const double BatchNormEpsilon = 1e-5;

    private readonly EncoderWeights _weights;
    private readonly ModelSettings _model;
    private readonly OnnxGraph _graph = new();

    private OnnxEncoder(EncoderWeights weights) => (_weights, _model) = (weights, weights.Model);

    /// <summary>Builds the whole file.</summary>
    /// <param name="weights">The encoder.</param>
    /// <param name="metadata">Free-form strings for the file.</param>
    public static ProtoMessage Build(EncoderWeights weights, IReadOnlyDictionary<string, string> metadata)
    {
        const string Images = "images", Features = "features";
        var encoder = new OnnxEncoder(weights);
        ModelSettings model = weights.Model;
        bool isResNet = model.Architecture == Settings.Architecture.ResNet50;
        string result = isResNet ? encoder.ResNet50(Images) : encoder.VisionTransformer(Images);
        long width = Encoders.Create(model).FeatureWidth;
        return encoder._graph.Finish(
            (Images, [model.Channels, model.ImageSize, model.ImageSize]), (Features, [width]), result, metadata);
    }

    private string VisionTransformer(string images)
    {
        string x = _model.Stem == Stem.Patch
            ? Convolution(images, "patch_embed.proj", _model.Patch, _model.Patch, padding: 0)
            : ConvolutionStem(images);

        // [B, D, rows, columns] to [B, N, D]; a zero keeps the size of the batch.
        x = Node("Reshape", x, _graph.Integers(0, _model.Width, -1));
        x = Transpose(x, 0, 2, 1);
        if (_model.Pooling == Pooling.ClassToken)
        {
            string batch = _graph.Node("Shape", [images], ("start", 0L), ("end", 1L));
            string shape = _graph.Node("Concat", [batch, _graph.Integers(1, _model.Width)], ("axis", 0L));
            x = _graph.Node("Concat", [Node("Expand", Weight("cls_token"), shape), x], ("axis", 1L));
        }

        x = _model.Position == PositionTable.None ? x : Node("Add", x, Weight("pos_embed"));
        for (int i = 0; i < _model.Depth; i++)
        {
            x = Block(x, string.Create(CultureInfo.InvariantCulture, $"blocks.{i}"));
        }

        return Pool(x);
    }

    private string Pool(string x)
    {
        if (_model.Pooling == Pooling.ClassToken)
        {
            return LayerNorm(_graph.Node("Gather", [x, _graph.Integer(0)], ("axis", 1L)), "norm");
        }

        x = _model.Pooling == Pooling.NormThenMean ? LayerNorm(x, "norm") : x;
        return _graph.Node("ReduceMean", [x], ("axes", (long[])[1]), ("keepdims", 0L));
    }

    private string Block(string x, string name)
    {
        x = Node("Add", x, Attention(LayerNorm(x, $"{name}.norm1"), $"{name}.attn"));
        string norm = $"{name}.norm2";
        string y = _model.MlpNorm == MlpNorm.Layer ? LayerNorm(x, norm) : BatchNormOfTokens(x, norm);
        y = Linear(Gelu(Linear(y, $"{name}.mlp.fc1")), $"{name}.mlp.fc2");
        return Node("Add", x, y);
    }

    private string Attention(string x, string name)
    {
        (long heads, long width) = (_model.Heads, _model.Width / _model.Heads);
        string qkv = Node("Reshape", Linear(x, $"{name}.qkv"), _graph.Integers(0, -1, 3, heads, width));
        qkv = Transpose(qkv, 2, 0, 3, 1, 4); // [3, B, H, T, Dh]
        string Part(long index) => _graph.Node("Gather", [qkv, _graph.Integer(index)], ("axis", 0L));

        string q = Node("Mul", Part(0), _graph.Scalar(1 / Math.Sqrt(width)));
        string scores = Node("MatMul", q, Transpose(Part(1), 0, 1, 3, 2));
        string y = Node("MatMul", _graph.Node("Softmax", [scores], ("axis", -1L)), Part(2));
        y = Node("Reshape", Transpose(y, 0, 2, 1, 3), _graph.Integers(0, -1, _model.Width));
        return Linear(y, $"{name}.proj");
    }

    // Exact: x/2 (1 + erf(x / √2)).
    private string Gelu(string x)
    {
        string erf = Node("Erf", Node("Mul", x, _graph.Scalar(Math.Sqrt(0.5))));
        return Node("Mul", Node("Mul", x, _graph.Scalar(0.5)), Node("Add", erf, _graph.Scalar(1)));
    }

    private string Linear(string x, string name) =>
        Node("Add", Node("MatMul", x, Transpose(Weight($"{name}.weight"), 1, 0)), Weight($"{name}.bias"));

    private string LayerNorm(string x, string name) => _graph.Node(
        "LayerNormalization",
        [x, Weight($"{name}.weight"), Weight($"{name}.bias")],
        ("axis", -1L),
        ("epsilon", LayerNormEpsilon));

    // The channel is the last axis here, which the operator of ONNX does not have: scale and shift, computed once.
    private string BatchNormOfTokens(string x, string name)
    {
        float[] scale = _weights.Read($"{name}.weight");
        float[] shift = _weights.Read($"{name}.bias");
        float[] mean = _weights.Read($"{name}.running_mean");
        float[] variance = _weights.Read($"{name}.running_var");
        for (int i = 0; i < scale.Length; i++)
        {
            double factor = scale[i] / Math.Sqrt(variance[i] + BatchNormEpsilon);
            (scale[i], shift[i]) = ((float)factor, (float)(shift[i] - (mean[i] * factor)));
        }

        x = Node("Mul", x, _graph.Constant([scale.Length], scale));
        return Node("Add", x, _graph.Constant([shift.Length], shift));
    }

    private string ConvolutionStem(string x)
    {
        for (int stage = 0; stage < 4; stage++)
        {
            x = Convolution(x, Name(3 * stage), kernel: 3, stride: 2, padding: 1);
            x = Node("Relu", BatchNorm(x, Name((3 * stage) + 1)));
        }

        return Convolution(x, Name(12), kernel: 1, stride: 1, padding: 0);

        static string Name(int index) => string.Create(CultureInfo.InvariantCulture, $"patch_embed.proj.{index}");
    }

    private string ResNet50(string x)
    {
        x = Node("Relu", BatchNorm(Convolution(x, "conv1", kernel: 7, stride: 2, padding: 3), "bn1"));
        x = _graph.Node(
            "MaxPool",
            [x],
            ("kernel_shape", (long[])[3, 3]),
            ("strides", (long[])[2, 2]),
            ("pads", (long[])[1, 1, 1, 1]));
        for (int stage = 1; _weights.Has(Name(stage, 0, "conv1.weight")); stage++)
        {
            for (int i = 0; _weights.Has(Name(stage, i, "conv1.weight")); i++)
            {
                x = Bottleneck(x, Name(stage, i, ""), stride: stage > 1 && i == 0 ? 2 : 1);
            }
        }

        return _graph.Node("Flatten", [Node("GlobalAveragePool", x)], ("axis", 1L));

        static string Name(int stage, int block, string rest) =>
            string.Create(CultureInfo.InvariantCulture, $"layer{stage}.{block}.{rest}");
    }

    private string Bottleneck(string x, string name, int stride)
    {
        string y = Node("Relu", BatchNorm(Convolution(x, $"{name}conv1", 1, 1, 0), $"{name}bn1"));
        y = Node("Relu", BatchNorm(Convolution(y, $"{name}conv2", 3, stride, 1), $"{name}bn2"));
        y = BatchNorm(Convolution(y, $"{name}conv3", 1, 1, 0), $"{name}bn3");
        string shortcut = _weights.Has($"{name}downsample.0.weight")
            ? BatchNorm(Convolution(x, $"{name}downsample.0", 1, stride, 0), $"{name}downsample.1")
            : x;
        return Node("Relu", Node("Add", y, shortcut));
    }

    private string Convolution(string x, string name, int kernel, int stride, int padding)
    {
        string bias = $"{name}.bias";
        string weight = Weight($"{name}.weight");
        return _graph.Node(
            "Conv",
            _weights.Has(bias) ? [x, weight, Weight(bias)] : [x, weight],
            ("kernel_shape", (long[])[kernel, kernel]),
            ("strides", (long[])[stride, stride]),
            ("pads", (long[])[padding, padding, padding, padding]));
    }

    private string BatchNorm(string x, string name) => _graph.Node(
        "BatchNormalization",
        [
            x, Weight($"{name}.weight"), Weight($"{name}.bias"), Weight($"{name}.running_mean"),
            Weight($"{name}.running_var"),
        ],
        ("epsilon", BatchNormEpsilon));

    private string Transpose(string x, params long[] axes) => _graph.Node("Transpose", [x], ("perm", axes));

    private string Node(string type, params string[] inputs) => _graph.Node(type, inputs);

    // Read when the file is written: no more than one tensor is ever in memory.
    private string Weight(string name) => _graph.Constant(
        _weights.Shape(name),
        stream => stream.Write(MemoryMarshal.AsBytes(_weights.Read(name).AsSpan())),
        name);
}
