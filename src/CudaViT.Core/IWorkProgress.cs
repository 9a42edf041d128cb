namespace CudaViT.Core;

/// <summary>Is told how far a long piece of work has come. The command line draws it.</summary>
public interface IWorkProgress
{
    /// <summary>Something worth a lasting line: an epoch is over, a part is done.</summary>
    void OnLine(string line);

    /// <summary>The work has come this far.</summary>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="text">What is being done, in a few words.</param>
    void OnAdvance(double share, string text);
}
