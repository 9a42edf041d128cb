using CudaViT.Core;

namespace CudaViT.Training.Tests.Support;

/// <summary>Keeps what a long piece of work reports.</summary>
internal sealed class SilentWork : IWorkProgress
{
    public List<string> Lines { get; } = [];

    public double Share { get; private set; }

    public void OnLine(string line) => Lines.Add(line);

    public void OnAdvance(double share, string text)
    {
        Assert.InRange(share, Share, 1);
        Share = share;
    }
}
