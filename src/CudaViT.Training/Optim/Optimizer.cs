using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Optim;

/// <summary>
/// Keeps what an update rule remembers of each parameter, and applies the rule. The arithmetic is the backend's.
/// </summary>
public abstract class Optimizer
{
    /// <summary>What the names of the arrays of an optimizer begin with.</summary>
    internal const string StatePrefix = "opt.";

    private readonly Dictionary<Parameter, NdArray?[]> _state = [];
    private readonly string[] _stateNames;

    /// <summary>Allocates the state of every parameter, all zeros.</summary>
    /// <param name="groups">Parameters of an initialized module.</param>
    /// <param name="stateNames">Suffixes of the arrays kept for each parameter: one or two.</param>
    /// <exception cref="ArgumentException">A parameter is in two groups.</exception>
    private protected Optimizer(IReadOnlyList<ParameterGroup> groups, params string[] stateNames)
    {
        ArgumentNullException.ThrowIfNull(groups);
        (Groups, _stateNames) = (groups, stateNames);
        using var role = new MemoryRoleScope(MemoryRole.OptimizerState);
        foreach (Parameter parameter in groups.SelectMany(group => group.Parameters))
        {
            NdArray value = parameter.Value.Data;
            NdArray?[] arrays = Array.ConvertAll(
                stateNames, _ => (NdArray?)NdArray.Zeros(value.Backend, value.Shape, value.DType));
            if (!_state.TryAdd(parameter, arrays))
            {
                throw new ArgumentException($"Parameter {parameter.Name} is in two groups of an optimizer.");
            }
        }
    }

    /// <summary>The groups this optimizer updates.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>Number of steps taken.</summary>
    public long StepCount { get; private set; }

    /// <summary>Updates every parameter that has a gradient, and its state.</summary>
    /// <param name="learningRate">Step size of this update; with 0 the state moves all the same.</param>
    public void Step(double learningRate)
    {
        StepCount++;
        foreach (ParameterGroup group in Groups)
        {
            foreach (bool isVector in (ReadOnlySpan<bool>)[true, false])
            {
                Parameter[] parameters = [.. group.Parameters
                    .Where(parameter => parameter.IsTrainable && parameter.Value.Grad is not null)
                    .Where(parameter => parameter.Shape.Rank <= 1 == isVector)];
                Update(
                    Array.ConvertAll(parameters, Slot), isVector, learningRate * group.RateScale, group.WeightDecay);
            }
        }
    }

    /// <summary>Forgets the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (Parameter parameter in _state.Keys)
        {
            parameter.Value.ZeroGrad();
        }
    }

    /// <summary>
    /// <c>opt.step</c>, then <c>opt.NAME.m</c> and so on for each parameter: enough to go on with the same bits. The
    /// step count is allocated by this call: enumerate within a step scope.
    /// </summary>
    public IReadOnlyList<NamedArray> State() => [.. Slots().Select(slot => new NamedArray(slot.Name, slot.Read()))];

    /// <summary>Takes over a state.</summary>
    /// <param name="state">Exactly the names of <see cref="State"/>, on the same device.</param>
    /// <exception cref="StateException">
    /// Names are missing or left over, or a shape differs; nothing was changed.
    /// </exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        StateSlot.WriteAll([.. Slots()], state, "optimizer");
    }

    /// <summary>Applies the rule to some of a group's parameters.</summary>
    /// <param name="slots">Parameters, gradients and state.</param>
    /// <param name="areVectors">
    /// Whether they are all of one axis (biases, norm parameters), which some rules treat apart, or all of more.
    /// </param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="weightDecay">The group's decay.</param>
    private protected abstract void Update(
        IReadOnlyList<OptimizerSlot> slots, bool areVectors, double learningRate, double weightDecay);

    private OptimizerSlot Slot(Parameter parameter)
    {
        NdArray?[] state = _state[parameter];
        return new OptimizerSlot(
            parameter.Value.Data, parameter.Value.Grad!, state[0]!, state.Length > 1 ? state[1] : null);
    }

    private IEnumerable<StateSlot> Slots()
    {
        if (_state.Count == 0)
        {
            yield break;
        }

        IBackend backend = _state.First().Key.Value.Backend;
        yield return StateSlot.Of(StatePrefix + "step", backend, () => StepCount, count => StepCount = count);
        foreach (Parameter parameter in Groups.SelectMany(group => group.Parameters))
        {
            for (int i = 0; i < _stateNames.Length; i++)
            {
                yield return StateSlot.Of($"{StatePrefix}{parameter.Name}.{_stateNames[i]}", _state[parameter][i]!);
            }
        }
    }
}
