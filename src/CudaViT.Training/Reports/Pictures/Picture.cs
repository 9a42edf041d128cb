namespace CudaViT.Training.Reports.Pictures;

/// <summary>A small 8-bit image of a report.</summary>
/// <param name="Pixels">[height, width, channels].</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 (grey), 3 (red, green, blue) or 4 (with alpha).</param>
public sealed record Picture(byte[] Pixels, int Height, int Width, int Channels)
{
    private string? _dataUri;

    /// <summary>The picture as a PNG file within an address.</summary>
    internal string DataUri =>
        _dataUri ??= "data:image/png;base64," + Convert.ToBase64String(PngEncoder.Encode(this));
}
