using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// Reads pickles as PyTorch writes them, without running anything: the machine knows numbers, texts, lists, tuples,
/// dictionaries and tensors, and refuses every other opcode and every other global by name.
/// </summary>
/// <remarks>
/// A pickle is a program for a stack machine, so nothing here recurses, however deep the values nest. What a hostile
/// file can make this allocate is bounded by the number of opcodes and by the length of a text, and dictionaries have
/// texts and numbers for keys only, so that comparing keys is no work. Python's documentation of the opcodes:
/// <c>Lib/pickletools.py</c>.
/// </remarks>
/// <param name="cursor">Where the pickle begins.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="storage">Finds a storage by key, type and number of elements.</param>
internal sealed class PickleReader(
    FileCursor cursor, string path, Func<string, SafetensorsDType, long, TorchStorage> storage)
{
    // ViT-H with its momentum encoder and optimizer takes 50,000.
    private const int MaxOpcodes = 1 << 20;
    private const int MaxTextBytes = 1 << 16;
    private const int MaxTotalTextBytes = 1 << 26;
    private const int MaxIntegerBytes = 128;
    private const int NewestProtocol = 5;

    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly List<object?> _memo = [];
    private int _opcodes;
    private int _textBytes;

    /// <summary>Reads one pickle, up to and including its STOP.</summary>
    /// <returns>
    /// null, bool, long, BigInteger, double, string, <see cref="List{T}"/> of such, <see cref="PickleTuple"/>,
    /// <see cref="PickleDict"/> or <see cref="TorchTensor"/>.
    /// </returns>
    /// <exception cref="TorchException">It is damaged, too large, or not made of these.</exception>
    public object? Read()
    {
        while (true)
        {
            var opcode = (PickleOpcode)cursor.ReadByte();
            if (++_opcodes > MaxOpcodes)
            {
                throw Malformed($"it has more than {MaxOpcodes} opcodes");
            }

            if (opcode == PickleOpcode.Stop)
            {
                return _stack is [object or null] && _marks.Count == 0
                    ? Pop()
                    : throw Malformed("it ends with other than one value");
            }

            Execute(opcode);
        }
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto: Protocol(); break;
            case PickleOpcode.Frame: cursor.Skip(8); break; // a hint for buffering
            case PickleOpcode.Mark: _marks.Push(_stack.Count); break;
            case PickleOpcode.None: Push(null); break;
            case PickleOpcode.NewTrue: Push(true); break;
            case PickleOpcode.NewFalse: Push(false); break;
            case PickleOpcode.BinInt: Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case PickleOpcode.BinInt1: Push((long)cursor.ReadByte()); break;
            case PickleOpcode.BinInt2: Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case PickleOpcode.Long1: PushInteger(cursor.ReadByte()); break;
            case PickleOpcode.Long4: PushInteger(Length()); break;
            case PickleOpcode.BinFloat: Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case PickleOpcode.BinUnicode: Push(Text(Length())); break;
            case PickleOpcode.ShortBinUnicode: Push(Text(cursor.ReadByte())); break;
            case PickleOpcode.EmptyTuple: Push(new PickleTuple([])); break;
            case PickleOpcode.Tuple: Push(new PickleTuple(PopToMark())); break;
            case PickleOpcode.Tuple1: Push(new PickleTuple(PopMany(1))); break;
            case PickleOpcode.Tuple2: Push(new PickleTuple(PopMany(2))); break;
            case PickleOpcode.Tuple3: Push(new PickleTuple(PopMany(3))); break;
            case PickleOpcode.EmptyList: Push(new List<object?>()); break;
            case PickleOpcode.Append: Append(PopMany(1)); break;
            case PickleOpcode.Appends: Append(PopToMark()); break;
            case PickleOpcode.EmptyDict: Push(new PickleDict()); break;
            case PickleOpcode.SetItem: SetItems(PopMany(2)); break;
            case PickleOpcode.SetItems: SetItems(PopToMark()); break;
            case PickleOpcode.BinPut: Remember(cursor.ReadByte()); break;
            case PickleOpcode.LongBinPut: Remember(Length()); break;
            case PickleOpcode.Memoize: Remember(_memo.Count); break;
            case PickleOpcode.BinGet: Push(Recall(cursor.ReadByte())); break;
            case PickleOpcode.LongBinGet: Push(Recall(Length())); break;
            case PickleOpcode.Global: Push(Global(Line(), Line())); break;
            case PickleOpcode.StackGlobal: StackGlobal(); break;
            case PickleOpcode.Reduce: Reduce(); break;
            case PickleOpcode.Build: Build(); break;
            case PickleOpcode.BinPersId: Push(Storage(Pop())); break;
            default:
                string name = Enum.IsDefined(opcode)
                    ? opcode.ToString()
                    : string.Create(CultureInfo.InvariantCulture, $"0x{(byte)opcode:x2}");
                throw new TorchException(
                    $"{path}: the pickle uses the opcode {name}, which is refused: checkpoints are made of tensors, "
                    + "numbers, texts, lists, tuples and dictionaries; save the state_dict alone.");
        }
    }

    private void Protocol()
    {
        int protocol = cursor.ReadByte();
        if (protocol is < 2 or > NewestProtocol)
        {
            throw Malformed($"its protocol is {protocol}, not 2 to {NewestProtocol}");
        }
    }

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        cursor.Read(bytes);
        return bytes;
    }

    // The longest thing that any of these lengths may announce is far below 2^31.
    private int Length() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)) is uint length and <= int.MaxValue
        ? (int)length
        : throw Malformed("a length or number is above 2^31");

    private void PushInteger(int length)
    {
        if (length > MaxIntegerBytes)
        {
            throw Malformed($"a number has {length} bytes, more than {MaxIntegerBytes}");
        }

        var value = new BigInteger(Bytes(length));
        Push(value >= long.MinValue && value <= long.MaxValue ? (long)value : (object)value);
    }

    private string Text(int length)
    {
        _textBytes += Math.Min(length, MaxTextBytes + 1);
        if (length > MaxTextBytes || _textBytes > MaxTotalTextBytes)
        {
            throw Malformed($"a text has {length} bytes, more than {MaxTextBytes}, or all have too many");
        }

        try
        {
            return StrictUtf8.GetString(Bytes(length));
        }
        catch (DecoderFallbackException e)
        {
            throw new TorchException($"{path}: the pickle holds a text that is not UTF-8; copy the file again.", e);
        }
    }

    private string Line()
    {
        var line = new StringBuilder();
        while (cursor.ReadByte() is byte next and not (byte)'\n')
        {
            line.Append(next is >= 0x20 and < 0x7f && line.Length < byte.MaxValue
                ? (char)next
                : throw Malformed("the name of a global is not one"));
        }

        return line.ToString();
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Pop() => PopMany(1)[0];

    private object? Peek()
    {
        RequireDepth(1);
        return _stack[^1];
    }

    // Nothing below the innermost mark may be touched: those values are not complete.
    private void RequireDepth(int count)
    {
        if (_stack.Count - (_marks.TryPeek(out int mark) ? mark : 0) < count)
        {
            throw Malformed("it takes more values from the stack than there are");
        }
    }

    private object?[] PopMany(int count)
    {
        RequireDepth(count);
        object?[] values = [.. _stack[^count..]];
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopToMark()
    {
        object?[] values = _marks.TryPeek(out int mark)
            ? PopMany(_stack.Count - mark)
            : throw Malformed("it looks for a mark that is not there");
        _marks.Pop();
        return values;
    }

    private void Append(object?[] values)
    {
        if (Peek() is not List<object?> list)
        {
            throw Malformed("it appends to something that is no list");
        }

        list.AddRange(values);
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not PickleDict dict || items.Length % 2 != 0)
        {
            throw Malformed("it sets items of something that is no dictionary");
        }

        for (int i = 0; i < items.Length; i += 2)
        {
            dict.Set(
                items[i] is string or long
                    ? items[i]!
                    : throw Malformed("the key of a dictionary is neither a text nor a whole number"),
                items[i + 1]);
        }
    }

    private void Remember(int index)
    {
        if (index > MaxOpcodes)
        {
            throw Malformed($"it remembers a value as number {index}, above {MaxOpcodes}");
        }

        while (_memo.Count <= index)
        {
            _memo.Add(Unset.Value);
        }

        _memo[index] = Peek();
    }

    private object? Recall(int index) => index < _memo.Count && _memo[index] is not Unset
        ? _memo[index]
        : throw Malformed($"it recalls value number {index}, which it never remembered");

    private PickleGlobal Global(string module, string name) => PickleGlobal.Find(module, name)
        ?? throw new TorchException(
            $"{path}: the pickle names {module}.{name}, which is refused: nothing but tensors, numbers, texts, lists, "
            + "tuples and dictionaries is read; save the state_dict alone.");

    private void StackGlobal() => Push(PopMany(2) is [string module, string name]
        ? Global(module, name)
        : throw Malformed("the name of a global is no text"));

    private void Reduce()
    {
        if (PopMany(2) is not [PickleGlobal function, PickleTuple arguments])
        {
            throw Malformed("it calls something that is no function");
        }

        Push((function, arguments.Items) switch
        {
            _ when function == PickleGlobal.OrderedDict && arguments.Items.Count == 0 => new PickleDict(),
            _ when function == PickleGlobal.RebuildTensor => Tensor(arguments.Items),
            _ when function == PickleGlobal.RebuildParameter
                && arguments.Items is [TorchTensor tensor, bool, PickleDict { Count: 0 }] => tensor,
            _ => throw Malformed($"{function.Name} is called with arguments that it does not have"),
        });
    }

    // The attributes of a dictionary: PyTorch keeps the versions of the modules there.
    private void Build()
    {
        if (Pop() is not PickleDict || Peek() is not PickleDict)
        {
            throw new TorchException(
                $"{path}: the pickle uses the opcode Build on something other than a dictionary, which is refused; "
                + "save the state_dict alone.");
        }
    }

    // (storage, offset, size, stride, requires_grad, backward_hooks)
    private TorchTensor Tensor(IReadOnlyList<object?> arguments)
    {
        if (arguments is not [TorchStorage view, long offset, PickleTuple size, PickleTuple stride, bool, PickleDict])
        {
            throw Malformed($"{PickleGlobal.RebuildTensor.Name} is called with arguments that it does not have");
        }

        return TorchTensor.TryCreate(view, offset, Numbers(size), Numbers(stride), out string problem)
            ?? throw Malformed($"a tensor cannot be: {problem}");
    }

    private long[] Numbers(PickleTuple tuple) => [.. tuple.Items.Select(item => item as long?
        ?? throw Malformed("a size or stride of a tensor is no number"))];

    // ('storage', type, key, location, element count[, view])
    private TorchStorage Storage(object? id)
    {
        if (id is not PickleTuple { Items: ["storage", PickleGlobal type, string key, string, long count, ..] items }
            || type.Storage is not { } dtype
            || items.Count > 6 || (items.Count == 6 && items[5] is not null))
        {
            throw Malformed("a storage is described in a form that is not known");
        }

        return SafetensorsTensor.TrySize(dtype, [count], out _)
            ? storage(key, dtype, count)
            : throw Malformed($"a storage has {count} elements");
    }

    private TorchException Malformed(string what) => new(
        $"{path}: the pickle at byte {cursor.Position} is not one that PyTorch writes ({what}); copy the file again, "
        + "or save the state_dict alone.");

    private sealed class Unset
    {
        public static Unset Value { get; } = new();
    }
}
