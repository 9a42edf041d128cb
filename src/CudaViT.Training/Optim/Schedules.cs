namespace CudaViT.Training.Optim;

/// <summary>
/// Learning rate and momentum as functions of the fractional epoch e = epoch + iteration / iterations per epoch, read
/// before the step.
/// </summary>
/// <remarks>
/// MoCo v3, arXiv:2104.02057, section 5 and appendix A. The sums are written in the order of the recorded tables.
/// </remarks>
public static class Schedules
{
    /// <summary>Batch size for which learning rates are quoted.</summary>
    public const double ReferenceBatch = 256;

    /// <summary>Peak learning rate of a batch: proportional to its size.</summary>
    /// <param name="baseRate">Rate quoted for 256 images.</param>
    /// <param name="batch">Images per step, over all devices.</param>
    public static double ScaledRate(double baseRate, int batch) => baseRate * batch / ReferenceBatch;

    /// <summary>Linear from 0 over the warm-up, then half a cosine down to 0.</summary>
    /// <param name="epoch">Fractional epoch e, from 0.</param>
    /// <param name="peak">Learning rate at the end of the warm-up.</param>
    /// <param name="warmupEpochs">Epochs of warm-up; 0 for none.</param>
    /// <param name="epochs">Epochs of the whole run.</param>
    public static double WarmupCosine(double epoch, double peak, double warmupEpochs, double epochs) =>
        epoch < warmupEpochs
            ? peak * epoch / warmupEpochs
            : peak * 0.5 * (1 + Math.Cos(Math.PI * (epoch - warmupEpochs) / (epochs - warmupEpochs)));

    /// <summary>Momentum of the momentum encoder: constant, or rising to 1 along half a cosine.</summary>
    /// <param name="epoch">Fractional epoch e, from 0.</param>
    /// <param name="start">Momentum at the start.</param>
    /// <param name="epochs">Epochs of the whole run.</param>
    /// <param name="cosine">Whether it rises.</param>
    public static double EncoderMomentum(double epoch, double start, double epochs, bool cosine) =>
        cosine ? 1 - (0.5 * (1 + Math.Cos(Math.PI * epoch / epochs)) * (1 - start)) : start;

    /// <summary>Half a cosine down to 0, one value per epoch: the linear probe's.</summary>
    /// <param name="epoch">Whole epoch, from 0.</param>
    /// <param name="peak">Learning rate of the first epoch.</param>
    /// <param name="epochs">Epochs of the whole run.</param>
    public static double Cosine(int epoch, double peak, int epochs) =>
        peak * 0.5 * (1 + Math.Cos(Math.PI * epoch / epochs));
}
