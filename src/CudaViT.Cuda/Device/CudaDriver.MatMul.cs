using System.Collections.Concurrent;

namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    // NVIDIA recommends 32 MiB for Hopper and 4 MiB before (cublasSetWorkspace); with more, the weight gradients of
    // large batches can split their inner products further.
    private const long HopperWorkspaceBytes = 64 << 20;
    private const long WorkspaceBytes = 32 << 20;

    private readonly nint[] _workspaces = new nint[Enum.GetValues<GpuStream>().Length];
    private readonly ConcurrentDictionary<(string Entry, KernelBuild Build), GpuFunction> _plainProducts = [];
    private readonly Func<string, KernelBuild, GpuFunction> _findPlain;
    private CublasLtProducts? _products;
    private bool _hasLookedForProducts;
    private bool _hasNotedPlainProducts;

    private long WorkspaceSize => Properties.ComputeCapability.Major >= 9 ? HopperWorkspaceBytes : WorkspaceBytes;

    /// <inheritdoc/>
    public void MatMul(in GpuMatMul product, GpuStream stream)
    {
        if (product.M == 0 || product.N == 0 || product.Batch == 0)
        {
            return;
        }

        // Matrices without elements have no layout; what is then left is β·C + bias.
        if (product.K == 0 || Products() is not { } products || !TryRun(products, product, stream))
        {
            PlainMatMul.Launch(this, _findPlain, product, stream);
        }
    }

    /// <summary>Multiplies with the library, if it has an algorithm and takes the product.</summary>
    private bool TryRun(CublasLtProducts products, in GpuMatMul product, GpuStream stream)
    {
        nint workspace = Workspace(stream);
        using Lock.Scope call = Enter();
        StreamHandle queue = Queue(stream);
        CublasLtProducts.Plan? plan = products.Find(product);
        while (plan is { IsExhausted: false })
        {
            CublasStatus status = products.Run(plan, product, workspace, queue);
            if (status == CublasStatus.Success)
            {
                Submitted("a product by cuBLASLt", queue);
                return true;
            }

            // If a kernel has faulted, every algorithm is refused, and the driver says better why.
            if (!_isCapturing && CudaApi.StreamQuery(queue) is not CudaStatus.NotReady and var state)
            {
                Check(state, "CudaApi.StreamQuery");
            }

            plan.Refuse(status);
        }

        NotePlainProduct(product, plan);
        return false;
    }

    /// <summary>The library, or null where there is none.</summary>
    private CublasLtProducts? Products()
    {
        using Lock.Scope call = Enter();
        if (!_hasLookedForProducts)
        {
            _hasLookedForProducts = true;
            try
            {
                _products = new CublasLtProducts(WorkspaceSize, _options.AllowTf32);
            }
            catch (GpuException error)
            {
                _options.Note($"{error.Message} Until then kernels/matmul.cu multiplies, which is slower.");
            }
        }

        return _products;
    }

    private nint Workspace(GpuStream stream)
    {
        nint workspace = Volatile.Read(ref _workspaces[(int)stream]);
        if (workspace != 0)
        {
            return workspace;
        }

        // Taking memory may wait, which is not done under the lock; another thread may have been quicker.
        nint fresh = Allocate(WorkspaceSize);
        nint first = Interlocked.CompareExchange(ref _workspaces[(int)stream], fresh, 0);
        if (first == 0)
        {
            return fresh;
        }

        Free(fresh);
        return first;
    }

    // The first of them; there may be one in every step.
    private void NotePlainProduct(in GpuMatMul product, CublasLtProducts.Plan? plan)
    {
        if (_hasNotedPlainProducts)
        {
            return;
        }

        _hasNotedPlainProducts = true;
        (string verb, string bias, string status) = (plan, CublasLtProducts.TakesBias(product.Bias)) switch
        {
            ({ } refused, _) => ("refuses", " with a bias", $" ({refused.LastRefusal})"),
            (null, true) => ("has no algorithm for", " with a bias", ""),
            (null, false) => ("is not given", " with a bias that does not start at a multiple of 16 bytes", ""),
        };
        _options.Note(
            $"cuBLASLt {verb} {product.Batch} x [{product.M}, {product.K}] x [{product.K}, {product.N}] in "
            + $"{product.DType}{(product.Bias != 0 ? bias : "")}{status}: "
            + "kernels/matmul.cu multiplies, which is slower");
    }

    private GpuFunction FindPlain(string name, KernelBuild build)
    {
        if (_plainProducts.TryGetValue((name, build), out GpuFunction? known))
        {
            return known;
        }

        KernelCatalog kernels = _options.Kernels ?? new KernelCatalog(KernelSources.BuiltIn());
        (KernelFile file, KernelEntry entry) = kernels.Find(name);
        return _plainProducts.GetOrAdd((name, build), GetFunction(Load(new KernelModule(file, build)), entry));
    }
}
