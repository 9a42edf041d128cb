namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// Is told what happens in a run of whatever kind, on the thread that trains. A kind of run adds what it measures;
/// screens, reports and event files listen.
/// </summary>
public interface IRunProgress
{
    /// <summary>Something worth a line: a damaged checkpoint was passed over, the labels are missing.</summary>
    void OnNote(string line);

    /// <summary>The first step of this process follows; an evaluation that was due before it was made.</summary>
    void OnReady()
    {
    }

    /// <summary>Something that takes a while besides steps has come this far: an evaluation.</summary>
    /// <param name="what">What is done, in a few words.</param>
    /// <param name="done">Images that are done.</param>
    /// <param name="total">All of them.</param>
    void OnWork(string what, long done, long total)
    {
    }

    /// <summary>A checkpoint was written on the way.</summary>
    void OnCheckpoint()
    {
    }

    /// <summary>The run ended in an error, which is about to be thrown.</summary>
    void OnFailure()
    {
    }

    /// <summary>The run came to its end, or was asked to stop; everything is written.</summary>
    /// <param name="isComplete">False when it can go on.</param>
    void OnEnd(bool isComplete)
    {
    }
}
