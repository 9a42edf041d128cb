using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>Is told what happens in a pre-training run, on the thread that trains.</summary>
public interface ITrainingProgress : IRunProgress
{
    /// <summary>
    /// The data are open, and the model is about to be made: what is known by now. Large models take seconds.
    /// </summary>
    void OnPrepare(RunPreparation preparation);

    /// <summary>Everything is ready; the first step or evaluation follows.</summary>
    void OnStart(RunOverview overview);

    /// <summary>A step was made.</summary>
    void OnStep(StepMetrics step);

    /// <summary>The kNN monitor was read.</summary>
    void OnMonitor(MonitorMetrics monitor);

    /// <summary>An evaluation was made.</summary>
    void OnEvaluation(EvaluationMetrics evaluation);
}
