namespace CudaViT.Training.Data;

/// <summary>What views of one kind have of their own; the rest of the settings holds for all.</summary>
internal readonly record struct ViewKind(
    int Size, double MinCropArea, double MaxCropArea, double BlurProbability, double SolarizeProbability);
