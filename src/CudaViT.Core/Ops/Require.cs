namespace CudaViT.Core;

/// <summary>Argument checks that operations share. Messages name the operation, the value and the remedy.</summary>
public static class Require
{
    /// <summary>A floating-point tensor.</summary>
    /// <exception cref="ArgumentException">It holds integers.</exception>
    public static void Float(Tensor x, string operation, string name = "x")
    {
        ArgumentNullException.ThrowIfNull(x, name);
        if (!x.DType.IsFloatingPoint())
        {
            throw new ArgumentException(
                $"{operation}: {name} must be F64, F32 or BF16, but it is {x.DType}. Cast it first: "
                + "x.Data.Cast(DType.F32).");
        }
    }

    /// <summary>A floating-point tensor with at least one axis.</summary>
    /// <exception cref="ArgumentException">It is a scalar or holds integers.</exception>
    public static void Rows(Tensor x, string operation, string name = "x")
    {
        Float(x, operation, name);
        if (x.Shape.Rank == 0)
        {
            throw new ArgumentException(
                $"{operation}: {name} must have at least one axis, but it is a scalar. Reshape it to [1].");
        }
    }

    /// <summary>A floating-point matrix with at least one column.</summary>
    /// <exception cref="ArgumentException">It has another rank, no columns, or holds integers.</exception>
    public static void FloatMatrix(Tensor x, string operation, string hint, string name = "x")
    {
        Float(x, operation, name);
        if (x.Shape.Rank != 2 || x.Shape[1] == 0)
        {
            throw new ArgumentException(
                $"{operation}: {name} must be a matrix [N, D] with D >= 1, but its shape is {x.Shape}. {hint}");
        }
    }

    /// <summary>A floating-point tensor whose last axis, the rows, has at least one element.</summary>
    /// <exception cref="ArgumentException">It is a scalar, has empty rows, or holds integers.</exception>
    public static void FloatRows(Tensor x, string operation, string name = "x")
    {
        Float(x, operation, name);
        if (x.Shape.Rank == 0 || x.Shape[^1] == 0)
        {
            throw new ArgumentException(
                $"{operation}: {name} must have rows [..., D] with D >= 1, but its shape is {x.Shape}. "
                + "Reshape it first.");
        }
    }

    /// <summary>A given shape, with the element type and device of another tensor.</summary>
    /// <exception cref="ArgumentException">Shape, type or device differ.</exception>
    public static void Like(Tensor x, Shape shape, Tensor other, string operation, string name)
    {
        ArgumentNullException.ThrowIfNull(x, name);
        if (x.Shape != shape)
        {
            throw new ArgumentException($"{operation}: {name} must have shape {shape}, but its shape is {x.Shape}.");
        }

        SameKind(x, other, operation, name);
    }

    /// <summary>The element type and device of another tensor.</summary>
    /// <exception cref="ArgumentException">Type or device differ.</exception>
    public static void SameKind(Tensor x, Tensor other, string operation, string name)
    {
        ArgumentNullException.ThrowIfNull(x, name);
        if (x.DType != other.DType)
        {
            throw new ArgumentException(
                $"{operation}: {name} is {x.DType}, but the first operand is {other.DType}. Cast one of them.");
        }

        if (x.Backend != other.Backend)
        {
            throw new ArgumentException(
                $"{operation}: {name} is on {x.Backend.Name}, but the first operand is on {other.Backend.Name}.");
        }
    }
}
