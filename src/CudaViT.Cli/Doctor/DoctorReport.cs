namespace CudaViT.Cli.Doctor;

/// <summary>What <c>cudavit doctor</c> prints.</summary>
/// <param name="Devices">Values of <c>--device</c> that work here.</param>
/// <param name="Checks">What was looked for, in the order in which one thing needs another.</param>
internal sealed record DoctorReport(IReadOnlyList<string> Devices, IReadOnlyList<DoctorCheck> Checks);
