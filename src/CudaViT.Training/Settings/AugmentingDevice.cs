namespace CudaViT.Training.Settings;

/// <summary>Who makes the views of an image. They are the same bytes either way.</summary>
public enum AugmentingDevice
{
    /// <summary>The threads that read the images.</summary>
    Cpu,

    /// <summary>Kernels on the device that trains: a GPU, or an emulator of one.</summary>
    Cuda,
}
