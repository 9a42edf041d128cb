using System.Runtime.CompilerServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Matrix products by cuBLASLt. The algorithm of each problem is asked for once and kept, so that a product costs one
/// call and allocates nothing.
/// </summary>
/// <remarks>
/// <para>
/// Results repeat bit for bit because each problem always runs the same algorithm in one stream with a workspace of its
/// own, which is the condition under which cuBLAS promises it for one version of the library and one kind of GPU (its
/// documentation, "Results Reproducibility"). Splitting an inner product is allowed only where the parts are kept apart
/// and added by a second kernel, in the accumulator's type: adding them in place, in whatever order blocks are done, is
/// not. With a bias in BF16 no splitting is allowed: where that second kernel rounds, before the bias or after it, is
/// nowhere promised.
/// </para>
/// <para>
/// The search for an algorithm is told how the matrices are aligned, but there is no such wish for the bias: a kernel
/// that reads it 16 bytes at a time may be proposed for any address. So a bias that starts elsewhere is not given to
/// the library at all.
/// </para>
/// </remarks>
internal sealed unsafe class CublasLtProducts : IDisposable
{
    private const int Proposals = 8;
    private const int BiasAlignment = 16; // bytes

    private readonly Dictionary<CublasLtProblem, Plan?> _plans = [];
    private readonly CublasLtHandle _library;
    private readonly MatmulPreferenceHandle _preference;
    private readonly long _workspaceBytes;
    private readonly bool _allowTf32;

    /// <summary>Opens the library for the current context's device.</summary>
    /// <param name="workspaceBytes">Memory that every call of <see cref="Run"/> provides.</param>
    /// <param name="allowTf32">Whether F32 products may use TF32.</param>
    /// <exception cref="GpuException">The library is missing or does not work.</exception>
    public CublasLtProducts(long workspaceBytes, bool allowTf32)
    {
        (_workspaceBytes, _allowTf32) = (workspaceBytes, allowTf32);
        CudaLibraries.Load(CudaLibrary.CublasLt);
        CublasError.Check(CublasLt.Create(out _library));
        CublasError.Check(CublasLt.MatmulPreferenceCreate(out _preference));
        Prefer(MatmulPreferenceAttribute.MaxWorkspaceBytes, (ulong)workspaceBytes);
    }

    /// <summary>Whether the library may be given a bias at an address; 0 stands for none.</summary>
    public static bool TakesBias(nint address) => address % BiasAlignment == 0;

    /// <summary>Finds how to compute a product.</summary>
    /// <returns>
    /// Null if the library has no algorithm for it; a plan whose <see cref="Plan.IsExhausted"/> is true if it has
    /// refused all that it proposed.
    /// </returns>
    public Plan? Find(in GpuMatMul product)
    {
        var problem = CublasLtProblem.Of(product);
        if (!_plans.TryGetValue(problem, out Plan? plan))
        {
            _plans.Add(problem, plan = Prepare(problem, product.Bias));
        }

        return plan;
    }

    /// <summary>Computes a product.</summary>
    public CublasStatus Run(Plan plan, in GpuMatMul product, nint workspace, StreamHandle stream)
    {
        nint bias = product.Bias;
        if (bias != 0)
        {
            CublasError.Check(CublasLt.MatmulDescSetAttribute(
                plan.Product, MatmulDescAttribute.BiasPointer, &bias, (nuint)sizeof(nint)));
        }

        (double alpha, double beta) = (product.Alpha, product.Beta);
        (float alphaF32, float betaF32) = ((float)alpha, (float)beta);
        bool isF64 = product.DType == DType.F64;
        MatmulAlgorithm algorithm = plan.Algorithm; // the first that was not refused

        // Our B is the library's A (see CublasLtProblem). Where C is not read it still needs a valid address.
        return CublasLt.Matmul(
            _library, plan.Product, isF64 ? &alpha : &alphaF32, product.B, plan.First, product.A, plan.Second,
            isF64 ? &beta : &betaF32, product.Beta != 0 ? product.C : product.D, plan.Result, product.D, plan.Result,
            &algorithm, workspace, (nuint)_workspaceBytes, stream);
    }

    public void Dispose()
    {
        foreach (Plan? plan in _plans.Values)
        {
            plan?.Dispose();
        }

        _preference.Dispose();
        _library.Dispose();
    }

    private Plan? Prepare(in CublasLtProblem problem, nint bias)
    {
        if (problem.Batch > int.MaxValue || !TakesBias(bias))
        {
            return null;
        }

        var plan = new Plan
        {
            Product = CreateProduct(problem, bias),
            First = CreateLayout(problem, problem.First),
            Second = CreateLayout(problem, problem.Second),
            Result = CreateLayout(problem, problem.Result),
        };
        Prefer(
            MatmulPreferenceAttribute.ReductionSchemeMask,
            problem is { Type: DType.BF16, HasBias: true } ? ReductionSchemes.None : ReductionSchemes.ComputeType);
        Prefer(MatmulPreferenceAttribute.MinAlignmentABytes, (uint)problem.AlignmentFirst);
        Prefer(MatmulPreferenceAttribute.MinAlignmentBBytes, (uint)problem.AlignmentSecond);
        Prefer(MatmulPreferenceAttribute.MinAlignmentCBytes, (uint)problem.AlignmentC);
        Prefer(MatmulPreferenceAttribute.MinAlignmentDBytes, (uint)problem.AlignmentResult);

        MatmulHeuristicResult* proposals = stackalloc MatmulHeuristicResult[Proposals];
        CublasStatus status = CublasLt.MatmulAlgoGetHeuristic(
            _library, plan.Product, plan.First, plan.Second, plan.Result, plan.Result, _preference, Proposals,
            proposals, out int count);
        for (int i = 0; status == CublasStatus.Success && i < count; i++)
        {
            if (proposals[i].State == CublasStatus.Success)
            {
                plan.Propose(proposals[i].Algorithm);
            }
        }

        if (!plan.IsExhausted)
        {
            return plan;
        }

        plan.Dispose();
        return null;
    }

    private MatmulDescHandle CreateProduct(in CublasLtProblem problem, nint bias)
    {
        CublasComputeType arithmetic = problem.Type switch
        {
            DType.F64 => CublasComputeType.F64,
            DType.F32 when _allowTf32 => CublasComputeType.F32FastTF32,
            _ => CublasComputeType.F32,
        };
        CudaDataType scale = problem.Type == DType.F64 ? CudaDataType.R64F : CudaDataType.R32F;
        CublasError.Check(CublasLt.MatmulDescCreate(out MatmulDescHandle product, arithmetic, scale));
        Set(MatmulDescAttribute.TransA, (int)problem.First.Operation);
        Set(MatmulDescAttribute.TransB, (int)problem.Second.Operation);
        if (problem.HasBias)
        {
            // The search does not read the bias, but it looks at how its address is aligned.
            Set(MatmulDescAttribute.Epilogue, (int)CublasLtEpilogue.Bias);
            CublasError.Check(CublasLt.MatmulDescSetAttribute(
                product, MatmulDescAttribute.BiasPointer, &bias, (nuint)sizeof(nint)));
        }

        return product;

        void Set(MatmulDescAttribute attribute, int value) => CublasError.Check(
            CublasLt.MatmulDescSetAttribute(product, attribute, &value, sizeof(int)));
    }

    private static MatrixLayoutHandle CreateLayout(in CublasLtProblem problem, in CublasLtMatrix matrix)
    {
        CudaDataType type = problem.Type switch
        {
            DType.F64 => CudaDataType.R64F,
            DType.F32 => CudaDataType.R32F,
            DType.BF16 => CudaDataType.R16BF,
            _ => throw new ArgumentException($"MatMul takes F64, F32 and BF16, not {problem.Type}.", nameof(problem)),
        };
        CublasError.Check(CublasLt.MatrixLayoutCreate(
            out MatrixLayoutHandle layout, type, (ulong)matrix.Rows, (ulong)matrix.Columns, matrix.LeadingDimension));
        if (problem.Batch > 1)
        {
            (int count, long stride) = ((int)problem.Batch, matrix.BatchStride);
            CublasError.Check(CublasLt.MatrixLayoutSetAttribute(
                layout, MatrixLayoutAttribute.BatchCount, &count, sizeof(int)));
            CublasError.Check(CublasLt.MatrixLayoutSetAttribute(
                layout, MatrixLayoutAttribute.StridedBatchOffset, &stride, sizeof(long)));
        }

        return layout;
    }

    private void Prefer<T>(MatmulPreferenceAttribute attribute, T value)
        where T : unmanaged =>
        CublasError.Check(CublasLt.MatmulPreferenceSetAttribute(
            _preference, attribute, Unsafe.AsPointer(ref value), (nuint)sizeof(T)));

    /// <summary>Everything prepared for one problem.</summary>
    public sealed class Plan : IDisposable
    {
        // Best first.
        private readonly List<MatmulAlgorithm> _algorithms = [];
        private int _refused;

        public required MatmulDescHandle Product { get; init; }

        public required MatrixLayoutHandle First { get; init; }

        public required MatrixLayoutHandle Second { get; init; }

        /// <summary>Of C and of D.</summary>
        public required MatrixLayoutHandle Result { get; init; }

        /// <summary>The best algorithm that has not been refused.</summary>
        public MatmulAlgorithm Algorithm => _algorithms[_refused];

        /// <summary>Whether every algorithm has been refused.</summary>
        public bool IsExhausted => _refused == _algorithms.Count;

        /// <summary>What the library said when it refused an algorithm last; null if it never did.</summary>
        public CublasStatus? LastRefusal { get; private set; }

        /// <summary>Adds an algorithm that is worse than those before.</summary>
        public void Propose(in MatmulAlgorithm algorithm) => _algorithms.Add(algorithm);

        /// <summary>
        /// Leaves out <see cref="Algorithm"/> from now on: what the search proposed, the product itself would not run.
        /// </summary>
        public void Refuse(CublasStatus status) => (_refused, LastRefusal) = (_refused + 1, status);

        public void Dispose()
        {
            Product.Dispose();
            First.Dispose();
            Second.Dispose();
            Result.Dispose();
        }
    }
}
