using CudaViT.Training.Checkpoints;
using CudaViT.Training.Reports.Pictures;

namespace CudaViT.Training.Reports.TensorBoard;

/// <summary>A <c>Summary</c> message: values of one step, each under a tag.</summary>
internal sealed class SummaryMessage
{
    // Fields of Summary, of its Value and of an Image.
    private const int Value = 1;
    private const int Tag = 1;
    private const int SimpleValue = 2;
    private const int Image = 4;
    private const int Height = 1;
    private const int Width = 2;
    private const int ColorSpace = 3;
    private const int Encoded = 4;

    /// <summary>The message so far.</summary>
    public ProtoMessage Message { get; } = new();

    /// <summary>Adds a number; null adds nothing.</summary>
    public SummaryMessage Add(string tag, double? value)
    {
        if (value is { } number)
        {
            Message.Add(Value, new ProtoMessage().Add(Tag, tag).Add(SimpleValue, (float)number));
        }

        return this;
    }

    /// <summary>Adds a picture, as a PNG file.</summary>
    public SummaryMessage Add(string tag, Picture picture)
    {
        ProtoMessage image = new ProtoMessage()
            .Add(Height, picture.Height)
            .Add(Width, picture.Width)
            .Add(ColorSpace, picture.Channels) // 1 grey, 3 RGB, 4 RGBA
            .Add(Encoded, PngEncoder.Encode(picture));
        Message.Add(Value, new ProtoMessage().Add(Tag, tag).Add(Image, image));
        return this;
    }
}
