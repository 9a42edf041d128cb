using System.Text.Json;
using CudaViT.Core;
using CudaViT.TestKit;
using Xunit.Sdk;

namespace CudaViT.Backend.Tests;

/// <summary>
/// One recorded case on one backend in one type. It hands out inputs and attributes, takes the results, and compares
/// all that was recorded; what a case has and nobody asked for is a failure, so that nothing is passed over.
/// </summary>
internal sealed class OperatorCase(OperatorRecording recording, string name, IBackend backend, DType dtype)
{
    private readonly JsonElement _entry = recording.Entry(name);
    private readonly HashSet<string> _usedAttributes = [];
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly Dictionary<string, Tensor> _outputs = [];

    /// <summary>The device.</summary>
    public IBackend Backend => backend;

    /// <summary>The type to compute in: F64 or F32.</summary>
    public DType DType => dtype;

    /// <summary>The manifest's <c>op</c>.</summary>
    public string Kind => _entry.GetProperty("op").GetString()!;

    /// <summary>Names of the inputs that are listed in the manifest.</summary>
    public IEnumerable<string> InputNames => Names("inputs");

    /// <summary>An attribute.</summary>
    public double Number(string attribute) => Attribute(attribute).GetDouble();

    /// <summary>An attribute that is a whole number.</summary>
    public int Integer(string attribute) => Attribute(attribute).GetInt32();

    /// <summary>An attribute that is true or false.</summary>
    public bool Flag(string attribute) => Attribute(attribute).GetBoolean();

    /// <summary>An attribute that is text.</summary>
    public string Text(string attribute) => Attribute(attribute).GetString()!;

    /// <summary>An attribute that is a list of numbers.</summary>
    public double[] Numbers(string attribute) =>
        [.. Attribute(attribute).EnumerateArray().Select(element => element.GetDouble())];

    /// <summary>A property of the case beside its attributes.</summary>
    public JsonElement Property(string property) => _entry.GetProperty(property);

    /// <summary>Whether the case has an input.</summary>
    public bool HasInput(string input) => recording.Tensors.Contains($"{name}/in.{input}");

    /// <summary>An input in the type to compute in: a leaf that collects a gradient where one was recorded.</summary>
    public Tensor Input(string input)
    {
        if (!_inputs.TryGetValue(input, out Tensor? tensor))
        {
            tensor = new Tensor(
                Load($"in.{input}", dtype), requiresGrad: recording.Tensors.Contains($"{name}/grad.{input}"));
            _inputs.Add(input, tensor);
        }

        return tensor;
    }

    /// <summary>An input that a case may go without.</summary>
    public Tensor? InputIfAny(string input) => HasInput(input) ? Input(input) : null;

    /// <summary>An input of whole numbers.</summary>
    public NdArray Integers(string input, DType type = DType.I64) => Load($"in.{input}", type);

    /// <summary>Takes a result.</summary>
    public void Output(string output, Tensor value) => _outputs.Add(output, value);

    /// <summary>Takes a result without a gradient.</summary>
    public void Output(string output, NdArray value) => Output(output, new Tensor(value));

    /// <summary>
    /// Goes backward from every result with an upstream gradient (the sum of u·y is the loss) and from a scalar
    /// <c>y</c>, then compares results and gradients.
    /// </summary>
    public void Check()
    {
        foreach ((string output, Tensor value) in _outputs)
        {
            bool isLoss = output == "y" && value.Data.Count == 1 && value.RequiresGrad;
            if (recording.Tensors.Contains($"{name}/up.{output}"))
            {
                value.Backward(Load($"up.{output}", dtype), retainGraph: true);
            }
            else if (isLoss)
            {
                value.Backward(retainGraph: true);
            }
        }

        foreach (string output in Recorded("out.", "outputs"))
        {
            Compare($"out.{output}", _outputs.GetValueOrDefault(output)?.Data);
        }

        foreach (string input in Recorded("grad.", "gradients"))
        {
            Compare($"grad.{input}", _inputs.GetValueOrDefault(input)?.Grad);
        }

        IEnumerable<string> unused = _entry.GetProperty("attrs").EnumerateObject()
            .Select(attribute => attribute.Name).Except(_usedAttributes);
        Assert.True(!unused.Any(), $"{name}: the test of {Kind} pays no regard to {string.Join(", ", unused)}.");
    }

    private void Compare(string part, NdArray? actual)
    {
        string tensor = $"{name}/{part}";
        Shape shape = recording.Tensors.Shape(tensor);
        if (actual is not null && actual.Shape != shape)
        {
            throw new XunitException($"{tensor}: recorded {shape}, but the result is {actual}.");
        }

        TensorAssert.Within(recording.Tensors[tensor], actual, recording.Bound(tensor, dtype), tensor);
    }

    /// <summary>Names of one kind, from the file as well as from the manifest.</summary>
    private IEnumerable<string> Recorded(string prefix, string listed) =>
        recording.Tensors.Under($"{name}/{prefix}").Select(pair => pair.Tail).Union(Names(listed));

    private IEnumerable<string> Names(string property) =>
        _entry.GetProperty(property).EnumerateArray().Select(element => element.GetString()!);

    private JsonElement Attribute(string attribute)
    {
        _usedAttributes.Add(attribute);
        return _entry.GetProperty("attrs").GetProperty(attribute);
    }

    private NdArray Load(string part, DType type) =>
        recording.Tensors.Array(backend, $"{name}/{part}", type);
}
