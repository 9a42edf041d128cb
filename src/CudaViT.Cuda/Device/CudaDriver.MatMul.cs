namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    // NVIDIA recommends 32 MiB for Hopper and 4 MiB before (cublasSetWorkspace); with more, the weight gradients of large
    // batches can split their inner products further.
    private const long HopperWorkspaceBytes = 64 << 20;
    private const long WorkspaceBytes = 32 << 20;

    private readonly nint[] _workspaces = new nint[Enum.GetValues<GpuStream>().Length];
    private readonly Dictionary<KernelBuild, GpuFunction> _plainProducts = [];
    private readonly Func<string, KernelBuild, GpuFunction> _findPlain;
    private CublasLtProducts? _products;
    private bool _hasLookedForProducts;
    private bool _hasNotedPlainProducts;

    private long WorkspaceSize => Properties.ComputeCapability.Major >= 9 ? HopperWorkspaceBytes : WorkspaceBytes;

    /// <inheritdoc/>
    public void MatMul(in GpuMatMul product, GpuStream stream)
    {
        using Lock.Scope call = Enter();
        if (product.M == 0 || product.N == 0 || product.Batch == 0)
        {
            return;
        }

        // Matrices without elements have no layout; what is then left is β·C + bias.
        if (product.K > 0 && Products() is { } products)
        {
            if (products.Find(product) is { } plan)
            {
                Run(products, plan, product, stream);
                return;
            }

            NotePlainProduct(product);
        }

        PlainMatMul.Launch(this, _findPlain, product, stream);
    }

    private void Run(CublasLtProducts products, CublasLtProducts.Plan plan, in GpuMatMul product, GpuStream stream)
    {
        ref nint workspace = ref _workspaces[(int)stream];
        if (workspace == 0)
        {
            workspace = Allocate(WorkspaceSize);
        }

        StreamHandle queue = Queue(stream);
        CublasStatus status = products.Run(plan, product, workspace, queue);
        if (status != CublasStatus.Success)
        {
            // If a kernel has faulted, the driver says so better.
            if (!_isCapturing)
            {
                Check(CudaApi.StreamSynchronize(queue));
            }

            throw CublasError.For(status, nameof(CublasLt.Matmul));
        }

        Submitted("a product by cuBLASLt", queue);
    }

    private CublasLtProducts? Products()
    {
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

    // The first of them; there may be one in every step.
    private void NotePlainProduct(in GpuMatMul product)
    {
        if (_hasNotedPlainProducts)
        {
            return;
        }

        _hasNotedPlainProducts = true;
        _options.Note(
            $"cuBLASLt has no algorithm for {product.Batch} x [{product.M}, {product.K}] x [{product.K}, {product.N}] in "
            + $"{product.DType}{(product.Bias != 0 ? " with a bias" : "")}: kernels/matmul.cu multiplies, which is slower");
    }

    private GpuFunction FindPlain(string name, KernelBuild build)
    {
        if (!_plainProducts.TryGetValue(build, out GpuFunction? function))
        {
            KernelCatalog kernels = _options.Kernels ?? new KernelCatalog(KernelSources.BuiltIn());
            (KernelFile file, KernelEntry entry) = kernels.Find(name);
            function = GetFunction(Load(new KernelModule(file, build)), entry);
            _plainProducts.Add(build, function);
        }

        return function;
    }
}
