using System.Globalization;
using System.Runtime.InteropServices;

namespace CudaViT.Training.Checkpoints.Export;

/// <summary>An ONNX graph under construction: constants and nodes in the order of execution, named by number.</summary>
/// <remarks>Field numbers are those of onnx.proto3 (github.com/onnx/onnx), opset 17, IR version 8.</remarks>
internal sealed class OnnxGraph
{
    private const int IrVersion = 8;
    private const int Opset = 17;
    private const int FloatType = 1;
    private const int IntegerType = 7;

    private readonly ProtoMessage _graph = new ProtoMessage().Add(2, "encoder");
    private int _names;

    /// <summary>Adds float32 numbers.</summary>
    /// <param name="shape">Dimensions.</param>
    /// <param name="write">Writes the numbers, little-endian and row-major, when the file is written.</param>
    /// <param name="name">Name in the graph; null for a number.</param>
    /// <returns>The name.</returns>
    public string Constant(IReadOnlyList<long> shape, Action<Stream> write, string? name = null) => AddInitializer(
        name, shape, FloatType, shape.Aggregate((long)sizeof(float), (product, size) => product * size), write);

    /// <summary>Adds float32 numbers.</summary>
    public string Constant(IReadOnlyList<long> shape, float[] values) =>
        Constant(shape, stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));

    /// <summary>Adds one float32 number.</summary>
    public string Scalar(double value) => Constant([], [(float)value]);

    /// <summary>Adds a list of integers, such as a shape.</summary>
    public string Integers(params long[] values) => AddInitializer(
        null,
        [values.Length],
        IntegerType,
        values.Length * sizeof(long),
        stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));

    /// <summary>Adds one integer without an axis.</summary>
    public string Integer(long value) => AddInitializer(
        null, [], IntegerType, sizeof(long), stream => stream.Write(MemoryMarshal.AsBytes([value])));

    /// <summary>Adds a node with one result.</summary>
    /// <param name="type">Name of the operator.</param>
    /// <param name="inputs">Names of its operands.</param>
    /// <param name="attributes">Its attributes: long, long[] or double.</param>
    /// <returns>Name of the result.</returns>
    public string Node(string type, string[] inputs, params (string Name, object Value)[] attributes)
    {
        string output = NewName();
        var node = new ProtoMessage();
        foreach (string input in inputs)
        {
            node.Add(1, input);
        }

        node.Add(2, output).Add(3, $"{type}_{output}").Add(4, type);
        foreach ((string name, object value) in attributes)
        {
            node.Add(5, Attribute(name, value));
        }

        _graph.Add(1, node);
        return output;
    }

    /// <summary>Completes the model.</summary>
    /// <param name="input">Name and shape of the input; the first axis, the batch, is open.</param>
    /// <param name="output">Name and shape of the output, likewise.</param>
    /// <param name="result">Name of the value that is the output.</param>
    /// <param name="metadata">Free-form strings.</param>
    public ProtoMessage Finish(
        (string Name, IReadOnlyList<long> Shape) input,
        (string Name, IReadOnlyList<long> Shape) output,
        string result,
        IReadOnlyDictionary<string, string> metadata)
    {
        _graph.Add(1, new ProtoMessage().Add(1, result).Add(2, output.Name).Add(3, "output").Add(4, "Identity"));
        _graph.Add(11, Value(input)).Add(12, Value(output));
        var model = new ProtoMessage()
            .Add(1, IrVersion)
            .Add(2, "cudavit")
            .Add(7, _graph)
            .Add(8, new ProtoMessage().Add(1, "").Add(2, Opset));
        foreach ((string key, string value) in metadata)
        {
            model.Add(14, new ProtoMessage().Add(1, key).Add(2, value));
        }

        return model;
    }

    private static ProtoMessage Attribute(string name, object value)
    {
        const int FloatAttribute = 1, IntegerAttribute = 2, IntegersAttribute = 7;
        var attribute = new ProtoMessage().Add(1, name);
        return value switch
        {
            double number => attribute.Add(2, (float)number).Add(20, FloatAttribute),
            long number => attribute.Add(3, number).Add(20, IntegerAttribute),
            long[] numbers => attribute.AddPacked(8, numbers).Add(20, IntegersAttribute),
            _ => throw new ArgumentException($"An attribute cannot be a {value.GetType().Name}.", nameof(value)),
        };
    }

    private static ProtoMessage Value((string Name, IReadOnlyList<long> Shape) value)
    {
        var shape = new ProtoMessage().Add(1, new ProtoMessage().Add(2, "batch"));
        foreach (long size in value.Shape)
        {
            shape.Add(1, new ProtoMessage().Add(1, size));
        }

        ProtoMessage tensor = new ProtoMessage().Add(1, FloatType).Add(2, shape);
        return new ProtoMessage().Add(1, value.Name).Add(2, new ProtoMessage().Add(1, tensor));
    }

    private string AddInitializer(
        string? name, IReadOnlyList<long> shape, int type, long length, Action<Stream> write)
    {
        name ??= NewName();
        _graph.Add(5, new ProtoMessage().AddPacked(1, shape).Add(2, type).Add(8, name).Add(9, length, write));
        return name;
    }

    private string NewName() => string.Create(CultureInfo.InvariantCulture, $"v{_names++}");
}
