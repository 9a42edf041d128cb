namespace CudaViT.Core;

/// <summary>
/// The operations of this thread in the order in which they ran. The backward pass walks it from the end: no recursion,
/// no graph to sort, and no reference cycles, because entries refer to each other by number.
/// </summary>
/// <remarks>
/// Entries go when a backward pass has used them or when their <see cref="StepScope"/> ends. Where neither happens, as
/// in inference with trainable parameters, compute under <see cref="NoGrad"/>.
/// </remarks>
public sealed class Tape
{
    [ThreadStatic]
    private static Tape? _current;

    // Counts over all threads, so that a tensor of another thread's tape is not mistaken for one of this.
    private static long _lastNumber;

    private readonly List<Entry> _entries = []; // by ascending number

    private Tape()
    {
    }

    /// <summary>Bytes that the operations on this thread's tape hold for their backward pass.</summary>
    public static long SavedBytes => Current._entries.Sum(entry => entry.Operation?.SavedBytes ?? 0);

    /// <summary>The tape of this thread.</summary>
    internal static Tape Current => _current ??= new Tape();

    /// <summary>Number of the entry that was recorded last, on any thread.</summary>
    internal static long LastNumber => Interlocked.Read(ref _lastNumber);

    /// <summary>Records a computed result, unless recording is off or no input needs a gradient.</summary>
    /// <param name="result">What the operation computed.</param>
    /// <param name="operation">The operation, its inputs and saved values.</param>
    /// <returns>The result as a tensor; a constant when nothing was recorded.</returns>
    /// <exception cref="AnomalyException">Anomaly mode is on and the result has a NaN or an infinity.</exception>
    public static Tensor Record(NdArray result, Operation operation)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(operation);
        string callSite = "";
        if (Anomaly.IsActive)
        {
            callSite = Anomaly.CallSite();
            Anomaly.Check(result, $"{operation.Name} forward", callSite);
        }

        return NoGrad.IsActive || !operation.IsDifferentiable
            ? Tensor.Constant(result, operation.Name)
            : Current.Append(result, operation, callSite);
    }

    /// <summary>
    /// Whether an operation on these inputs will be recorded. Where it will not, large values that only its backward
    /// pass would read need not be computed.
    /// </summary>
    /// <param name="inputs">Null for an absent one.</param>
    public static bool WillRecord(params ReadOnlySpan<Tensor?> inputs)
    {
        bool isDifferentiable = false;
        foreach (Tensor? input in inputs)
        {
            isDifferentiable |= input is { RequiresGrad: true };
        }

        return isDifferentiable && !NoGrad.IsActive;
    }

    /// <summary>Forgets the operations recorded after entry <paramref name="number"/>.</summary>
    internal void Truncate(long number)
    {
        // By number, not by index: a backward pass may have emptied the tape since the entry was made.
        int kept = _entries.FindLastIndex(entry => entry.Number <= number) + 1;
        _entries.RemoveRange(kept, _entries.Count - kept);
    }

    internal void AddHook(Tensor tensor, Func<NdArray, NdArray?> hook)
    {
        Entry entry = _entries[Find(tensor.Entry, tensor.Producer)];
        (entry.Hooks ??= []).Add(hook);
    }

    internal void Backward(Tensor root, NdArray? upstream, bool retainGraph)
    {
        CheckRoot(root, upstream);
        int last = root.Entry >= 0 ? Find(root.Entry, root.Producer) : -1;
        upstream ??= NdArray.Full(root.Backend, root.Shape, root.DType, 1);
        new BackwardPass(this, last).Run(root, upstream, retainGraph);
        if (_entries.TrueForAll(entry => entry.Operation is null))
        {
            _entries.Clear();
        }
    }

    private static void CheckRoot(Tensor root, NdArray? upstream)
    {
        if (!root.RequiresGrad)
        {
            throw new InvalidOperationException(
                $"Backward: {root.Description} does not depend on any tensor that requires gradients. Make a leaf with "
                + "requiresGrad: true, and compute outside NoGrad.");
        }

        if (upstream is null && root.Data.Count != 1)
        {
            throw new InvalidOperationException(
                $"Backward starts from a single number, but the shape is {root.Shape}. Reduce it to a loss, or pass "
                + "the upstream gradient.");
        }

        if (upstream is not null && (upstream.Shape != root.Shape || upstream.DType != root.DType))
        {
            throw new ArgumentException(
                $"Backward: the upstream gradient is {upstream.DType}{upstream.Shape}, but the tensor is "
                + $"{root.DType}{root.Shape}.");
        }
    }

    private Tensor Append(NdArray result, Operation operation, string callSite)
    {
        long number = Interlocked.Increment(ref _lastNumber);
        _entries.Add(new Entry(number, operation, callSite));
        return Tensor.Recorded(result, number, operation.Name);
    }

    /// <summary>Index of the entry with a number whose saved values are still there.</summary>
    private int Find(long number, string producer)
    {
        int low = 0;
        int high = _entries.Count - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _entries[middle].Number < number ? (middle + 1, high) : (low, middle);
        }

        return low < _entries.Count && _entries[low].Number == number && _entries[low].Operation is not null
            ? low
            : throw Released(producer);
    }

    private static InvalidOperationException Released(string operation) => new(
        $"{operation}: the values saved for its backward pass are gone, because a backward pass has used them or "
        + "their step scope or thread has ended. For a second backward pass, call the first with retainGraph: true.");

    /// <summary>One recorded operation.</summary>
    private sealed class Entry(long number, Operation operation, string callSite)
    {
        public long Number { get; } = number;

        /// <summary>Null once the saved values have been given up.</summary>
        public Operation? Operation { get; private set; } = operation;

        public string CallSite { get; } = callSite;

        public List<Func<NdArray, NdArray?>>? Hooks { get; set; }

        public void Release() => (Operation, Hooks) = (null, null);
    }

    /// <summary>The gradients of one backward pass, by tape entry.</summary>
    private sealed class BackwardPass(Tape tape, int last)
    {
        private readonly NdArray?[] _gradients = new NdArray?[last + 1];

        // Leaves in order of first use, so that results do not depend on hash codes.
        private readonly List<Tensor> _leaves = [];
        private readonly Dictionary<Tensor, NdArray> _leafGradients = [];

        public void Run(Tensor root, NdArray upstream, bool retainGraph)
        {
            // The seed is the caller's: this extra holder keeps the pass from adding to it or releasing it.
            upstream.Storage.GradientHolders++;
            using (new NoGrad())
            {
                Add(Edge.To(root), upstream);
                for (int i = last; i >= 0; i--)
                {
                    if (_gradients[i] is { } gradient)
                    {
                        _gradients[i] = null;
                        Step(tape._entries[i], gradient);
                        if (!retainGraph)
                        {
                            tape._entries[i].Release();
                        }
                    }
                }

                _leaves.ForEach(Deliver);
            }

            upstream.Storage.GradientHolders--;
        }

        private void Step(Entry entry, NdArray gradient)
        {
            Operation operation = entry.Operation!; // Find saw to that when the gradient was put here
            gradient = CallHooks(entry.Hooks, gradient);
            operation.CheckSaved();
            NdArray?[] gradients = operation.Backward(gradient);
            for (int i = 0; i < gradients.Length; i++)
            {
                if (gradients[i] is not { } inputGradient || !operation.Inputs[i].NeedsGradient)
                {
                    continue;
                }

                CheckKind(operation, i, inputGradient);
                if (Anomaly.IsActive)
                {
                    Anomaly.Check(inputGradient, $"{operation.Name} backward, gradient of input {i},", entry.CallSite);
                }

                Add(operation.Inputs[i], inputGradient);
            }

            LetGo(gradient);
        }

        private static void CheckKind(Operation operation, int input, NdArray gradient)
        {
            (Shape shape, DType dtype) = (operation.Inputs[input].Shape, operation.Inputs[input].DType);
            if (gradient.Shape != shape || gradient.DType != dtype)
            {
                throw new InvalidOperationException(
                    $"{operation.Name}: its backward pass returned {gradient.DType}{gradient.Shape} for input {input}, "
                    + $"which is {dtype}{shape}. A gradient has its input's type and shape; sum over what was "
                    + "broadcast.");
            }
        }

        private void Add(Edge edge, NdArray gradient)
        {
            gradient.Storage.GradientHolders++;
            if (edge.Leaf is { } leaf)
            {
                if (_leafGradients.TryGetValue(leaf, out NdArray? sum))
                {
                    _leafGradients[leaf] = Sum(sum, gradient);
                }
                else
                {
                    _leaves.Add(leaf);
                    _leafGradients.Add(leaf, gradient);
                }
            }
            else
            {
                ref NdArray? slot = ref _gradients[tape.Find(edge.Entry, edge.Producer)];
                slot = slot is null ? gradient : Sum(slot, gradient);
            }
        }

        /// <summary>Adds into <paramref name="sum"/> where this slot alone refers to its memory.</summary>
        private static NdArray Sum(NdArray sum, NdArray term)
        {
            if (sum.Storage.GradientHolders > 1)
            {
                NdArray copy = sum.Clone();
                copy.Storage.GradientHolders++;
                LetGo(sum);
                sum = copy;
            }

            sum.Backend.AddInPlace(sum, term);
            LetGo(term);
            return sum;
        }

        private void Deliver(Tensor leaf)
        {
            NdArray gradient = CallHooks(leaf.LeafHooks, _leafGradients[leaf]);
            if (leaf.Grad is { } sum)
            {
                sum.Backend.AddInPlace(sum, gradient);
                sum.Storage.MarkChanged();
                LetGo(gradient);
                return;
            }

            // The leaf's gradient outlives the step. Memory that somebody else refers to, or that is part of a larger
            // block, cannot be handed over.
            bool isOwn = gradient.Storage.GradientHolders == 1
                && gradient.Storage.SizeInBytes == gradient.SizeInBytes;
            leaf.Grad = isOwn ? gradient : gradient.Clone();
            StepScope.Orphan(leaf.Grad.Storage);
            leaf.Grad.Storage.ChangeRole(MemoryRole.Gradients);
            if (isOwn)
            {
                gradient.Storage.GradientHolders = 0;
            }
            else
            {
                LetGo(gradient);
            }
        }

        private static NdArray CallHooks(List<Func<NdArray, NdArray?>>? hooks, NdArray gradient)
        {
            foreach (Func<NdArray, NdArray?> hook in hooks ?? [])
            {
                if (hook(gradient) is { } replacement && replacement != gradient)
                {
                    if (replacement.Shape != gradient.Shape || replacement.DType != gradient.DType)
                    {
                        throw new InvalidOperationException(
                            $"A gradient hook returned {replacement.DType}{replacement.Shape}, but the gradient is "
                            + $"{gradient.DType}{gradient.Shape}.");
                    }

                    // One holder for the slot, one for the hook's author, whose array this is.
                    replacement.Storage.GradientHolders += 2;
                    LetGo(gradient);
                    gradient = replacement;
                }
            }

            return gradient;
        }

        private static void LetGo(NdArray gradient)
        {
            if (--gradient.Storage.GradientHolders == 0)
            {
                gradient.Storage.Release();
            }
        }
    }
}

/// <summary>
/// Where the gradient of an operation's input goes: to an earlier entry of the tape, to a leaf, or nowhere. Holds no
/// intermediate tensor, so the tape keeps alive only what operations saved.
/// </summary>
/// <param name="Entry">Number of the tape entry that made the input; −1 when none did.</param>
/// <param name="Leaf">The input itself when it is a leaf that collects gradients.</param>
/// <param name="Producer">Name of the operation that made the input, for messages.</param>
/// <param name="Shape">The input's shape, which its gradient must have.</param>
/// <param name="DType">The input's element type, which its gradient must have.</param>
internal readonly record struct Edge(long Entry, Tensor? Leaf, string Producer, Shape Shape, DType DType)
{
    public bool NeedsGradient => Entry >= 0 || Leaf is not null;

    public static Edge To(Tensor? input) => input switch
    {
        { Entry: >= 0 } => new Edge(input.Entry, null, input.Producer, input.Shape, input.DType),
        { RequiresGrad: true } => new Edge(-1, input, input.Producer, input.Shape, input.DType),
        _ => new Edge(-1, null, "", default, default),
    };
}
