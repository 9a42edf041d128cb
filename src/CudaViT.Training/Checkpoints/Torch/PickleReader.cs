using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// Reads pickles as PyTorch writes them, without running anything: the machine knows numbers, texts, lists, tuples,
/// dictionaries and tensors. Objects of any other class are stepped over (<see cref="PickleOpaque"/>), so that what
/// training scripts keep beside the weights does no harm; what only an attack would name is refused.
/// </summary>
/// <remarks>
/// A pickle is a program for a stack machine, so nothing here recurses, however deep the values nest. What a hostile
/// file can make this allocate is bounded by the number of opcodes and by the length of a text, and dictionaries look
/// up texts and numbers only, so that comparing keys is no work. Python's documentation of the opcodes:
/// <c>Lib/pickletools.py</c>.
/// </remarks>
/// <param name="cursor">Where the pickle begins.</param>
/// <param name="path">The file, for messages.</param>
/// <param name="storage">Finds a storage by key, type and number of elements.</param>
internal sealed class PickleReader(
    FileCursor cursor, string path, Func<string, TorchElement, long, TorchStorage> storage)
{
    // ViT-H with its momentum encoder and optimizer takes 50,000.
    private const int MaxOpcodes = 1 << 20;
    private const int MaxTextBytes = 1 << 16;
    private const int MaxTotalTextBytes = 1 << 26;
    private const int MaxIntegerBytes = 128;
    private const int NewestProtocol = 5;

    private static readonly PickleOpaque Blob = new("bytes");
    private static readonly PickleOpaque LongText = new("a long text");
    private static readonly PickleOpaque Set = new("set");

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
    /// <see cref="PickleDict"/>, <see cref="TorchTensor"/> or <see cref="PickleOpaque"/>.
    /// </returns>
    /// <exception cref="TorchException">It is damaged, too large, or names something that does harm.</exception>
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
            case PickleOpcode.BinUnicode8: Push(Text(LongLength())); break;
            case PickleOpcode.ShortBinUnicode: Push(Text(cursor.ReadByte())); break;
            case PickleOpcode.BinBytes: SkipBytes(Length()); break;
            case PickleOpcode.BinBytes8: SkipBytes(LongLength()); break;
            case PickleOpcode.ByteArray8: SkipBytes(LongLength()); break;
            case PickleOpcode.ShortBinBytes: SkipBytes(cursor.ReadByte()); break;
            case PickleOpcode.BinString: Push(Text(Length(), Encoding.Latin1)); break; // of Python 2
            case PickleOpcode.ShortBinString: Push(Text(cursor.ReadByte(), Encoding.Latin1)); break;
            case PickleOpcode.Pop: Pop(); break;
            case PickleOpcode.PopMark: PopToMark(); break;
            case PickleOpcode.Dup: Push(Peek()); break;
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
            case PickleOpcode.EmptySet: Push(Set); break;
            case PickleOpcode.AddItems: AddItems(); break;
            case PickleOpcode.FrozenSet: PopToMark(); Push(Set); break;
            case PickleOpcode.BinPut: Remember(cursor.ReadByte()); break;
            case PickleOpcode.LongBinPut: Remember(Length()); break;
            case PickleOpcode.Memoize: Remember(_memo.Count); break;
            case PickleOpcode.BinGet: Push(Recall(cursor.ReadByte())); break;
            case PickleOpcode.LongBinGet: Push(Recall(Length())); break;
            case PickleOpcode.Global: Push(Global(Line(), Line())); break;
            case PickleOpcode.StackGlobal: StackGlobal(); break;
            case PickleOpcode.Reduce: Reduce(); break;
            case PickleOpcode.NewObj: NewObject(PopMany(2)); break;
            case PickleOpcode.NewObjEx: NewObject(PopMany(3)[..2]); break;
            case PickleOpcode.Obj: NewObject(PopToMark()); break;
            case PickleOpcode.Inst: NewObject([Global(Line(), Line()), .. PopToMark()]); break;
            case PickleOpcode.Build: Build(); break;
            case PickleOpcode.BinPersId: Push(Storage(Pop())); break;
            default:
                string name = Enum.IsDefined(opcode)
                    ? opcode.ToString()
                    : string.Create(CultureInfo.InvariantCulture, $"0x{(byte)opcode:x2}");
                throw new TorchException(
                    $"{path}: the pickle uses the opcode {name}, which is refused: PyTorch never writes it; save the "
                    + "state_dict alone.");
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

    private long LongLength() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8)) is ulong length and <= long.MaxValue
        ? (long)length
        : throw Malformed("a length is above 2^63");

    private void SkipBytes(long length)
    {
        cursor.Skip(length);
        Push(Blob);
    }

    private void PushInteger(int length)
    {
        if (length > MaxIntegerBytes)
        {
            throw Malformed($"a number has {length} bytes, more than {MaxIntegerBytes}");
        }

        var value = new BigInteger(Bytes(length));
        Push(value >= long.MinValue && value <= long.MaxValue ? (long)value : (object)value);
    }

    private object Text(long length, Encoding? encoding = null)
    {
        if (length > MaxTextBytes)
        {
            cursor.Skip(length); // no name is that long: a log, or a script that somebody kept
            return LongText;
        }

        _textBytes += (int)length;
        if (_textBytes > MaxTotalTextBytes)
        {
            throw Malformed($"its texts have more than {MaxTotalTextBytes} bytes together");
        }

        try
        {
            return (encoding ?? StrictUtf8).GetString(Bytes((int)length));
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
        switch (Peek())
        {
            case List<object?> list: list.AddRange(values); break;
            case PickleOpaque: break;
            default: throw Malformed("it appends to something that is no list");
        }
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not (PickleDict or PickleOpaque) || items.Length % 2 != 0)
        {
            throw Malformed("it sets items of something that is no dictionary");
        }

        for (int i = 0; i < items.Length && Peek() is PickleDict dict; i += 2)
        {
            dict.Set(items[i], items[i + 1]);
        }
    }

    private void AddItems()
    {
        PopToMark();
        if (Peek() is not PickleOpaque)
        {
            throw Malformed("it adds to something that is no set");
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

    // Named is not called: an unknown class or function only says what its objects are.
    private object Global(string module, string name)
    {
        if (PickleGlobal.IsHarmful(module, name))
        {
            throw new TorchException(
                $"{path}: the pickle names {module}.{name}, which is refused: Python would run code or open files with "
                + "it where it loads this file, and no checkpoint needs that; nothing was run here; get the weights "
                + "from their source again.");
        }

        return (object?)PickleGlobal.Find(module, name) ?? new PickleOpaque($"{module}.{name}");
    }

    private void StackGlobal() => Push(PopMany(2) is [string module, string name]
        ? Global(module, name)
        : throw Malformed("the name of a global is no text"));

    private void Reduce() => Push(PopMany(2) switch
    {
        [PickleOpaque made, _] => made,
        [PickleGlobal function, PickleTuple arguments] => Call(function, arguments.Items),
        _ => throw Malformed("it calls something that is no function"),
    });

    private void NewObject(object?[] values) => Push(values switch
    {
        [PickleOpaque made, ..] => made,
        [PickleGlobal type, PickleTuple { Items: [] }] when type == PickleGlobal.OrderedDict => new PickleDict(),
        _ => throw Malformed("it makes an object of something that is no class"),
    });

    private object? Call(PickleGlobal function, IReadOnlyList<object?> arguments) => (function, arguments) switch
    {
        _ when function == PickleGlobal.OrderedDict && arguments.Count == 0 => new PickleDict(),
        _ when function == PickleGlobal.RebuildTensor => Tensor(arguments),
        (_, [(TorchTensor or PickleOpaque) and var tensor, bool, PickleDict { Count: 0 }])
            when function == PickleGlobal.RebuildParameter => tensor,
        (_, [(TorchTensor or PickleOpaque) and var tensor, bool, PickleDict { Count: 0 }, _])
            when function == PickleGlobal.RebuildParameterWithState => tensor,

        // (function, class, its arguments, attributes); the function is one of the others, so this goes no deeper.
        (_, [PickleGlobal inner, PickleOpaque, PickleTuple its, _])
            when function == PickleGlobal.RebuildFromType && inner != function => Call(inner, its.Items),
        (_, [PickleOpaque made, ..]) when function == PickleGlobal.RebuildFromType => made,
        _ => throw Malformed($"{function.Name} is called with arguments that it does not have"),
    };

    // Attributes: PyTorch keeps the versions of the modules in those of a dictionary.
    private void Build()
    {
        if (PopMany(2) is not [(PickleDict or PickleOpaque or TorchTensor) and var value, _])
        {
            throw Malformed("it gives attributes to something that has none");
        }

        Push(value);
    }

    // (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
    private object Tensor(IReadOnlyList<object?> arguments)
    {
        if (arguments is [PickleOpaque, ..])
        {
            return arguments[0]!;
        }

        if (arguments is not
            [TorchStorage view, long offset, PickleTuple size, PickleTuple stride, bool, PickleDict, ..]
            || arguments.Count > 7)
        {
            throw Malformed($"{PickleGlobal.RebuildTensor.Name} is called with arguments that it does not have");
        }

        if (arguments.Count == 7 && arguments[6] is not (null or PickleDict { Count: 0 }))
        {
            return new PickleOpaque("a tensor that is conjugated or negated when it is read");
        }

        return TorchTensor.TryCreate(view, offset, Numbers(size), Numbers(stride), out string problem)
            ?? throw Malformed($"a tensor cannot be: {problem}");
    }

    private long[] Numbers(PickleTuple tuple) => [.. tuple.Items.Select(item => item as long?
        ?? throw Malformed("a size or stride of a tensor is no number"))];

    // ('storage', type, key, location, element count[, view]), or ('module', class, source file, source)
    private object Storage(object? id)
    {
        switch (id)
        {
            case PickleTuple { Items: ["module", PickleOpaque type, ..] }:
                return type;
            case PickleTuple { Items: ["storage", PickleOpaque type, string, string, long, ..] }:
                return type;
            case PickleTuple { Items: ["storage", PickleGlobal type, string key, string, long count, ..] items }
                when type.Storage is { } element && items.Count <= 6 && (items.Count < 6 || items[5] is null):
                return count >= 0 && (Int128)count * element.SizeInBytes <= long.MaxValue
                    ? storage(key, element, count)
                    : throw Malformed($"a storage has {count} elements");
            default:
                throw Malformed("a storage is described in a form that is not known");
        }
    }

    private TorchException Malformed(string what) => new(
        $"{path}: the pickle at byte {cursor.Position} is not one that PyTorch writes ({what}); copy the file again, "
        + "or save the state_dict alone.");

    private sealed class Unset
    {
        public static Unset Value { get; } = new();
    }
}
