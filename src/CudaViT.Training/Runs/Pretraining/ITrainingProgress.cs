using CudaViT.Training.Reports.Pictures;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>Is told what happens in a training run, on the thread that trains. The command line draws it.</summary>
public interface ITrainingProgress
{
    /// <summary>Everything is ready; the first step or evaluation follows.</summary>
    void OnStart(RunOverview overview);

    /// <summary>Something worth a line: a damaged checkpoint was passed over, the labels are missing.</summary>
    void OnNote(string line);

    /// <summary>A step was made.</summary>
    void OnStep(StepMetrics step);

    /// <summary>The kNN monitor was read.</summary>
    void OnMonitor(MonitorMetrics monitor);

    /// <summary>An evaluation was made.</summary>
    void OnEvaluation(EvaluationMetrics evaluation);

    /// <summary>Pictures of the encoder were made for the report.</summary>
    void OnPictures(RunPictures pictures)
    {
    }
}
