using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;

namespace CudaViT.Backend.Tests;

/// <summary>Images with a plan for a view of each, to be rendered by a device or by the loader.</summary>
internal sealed class PackedViews(int channels)
{
    private readonly List<byte> _pixels = [];
    private readonly List<(Picture Image, ViewPlan Plan)> _views = [];
    private readonly List<ViewTransform> _transforms = [];

    public int Channels => channels;

    public long SizeInBytes => _pixels.Count;

    public void Add(Picture image, ViewPlan plan)
    {
        int rowBytes = image.Width * channels;
        long source = _pixels.Count + ((long)plan.Crop.Top * rowBytes) + (plan.Crop.Left * channels);
        _transforms.Add(plan.ToTransform(source, rowBytes, plan.Crop.Height, plan.Crop.Width));
        _views.Add((image, plan));
        _pixels.AddRange(image.Pixels);
    }

    /// <summary>Has the device make the views.</summary>
    public void Render(NdArray views, float[] mean, float[] std) => AugmentViews.Apply(
        views,
        NdArray.From<byte>(views.Backend, _pixels.ToArray(), [_pixels.Count]),
        _transforms.ToArray(),
        mean,
        std);

    /// <summary>What the loader makes: [views, size, size, channels].</summary>
    public byte[] Expected(int size)
    {
        var renderer = new ViewRenderer();
        byte[] result = new byte[_views.Count * size * size * channels];
        int each = size * size * channels;
        for (int i = 0; i < _views.Count; i++)
        {
            (Picture image, ViewPlan plan) = _views[i];
            renderer.Render(
                new ImageView(image.Pixels, image.Height, image.Width, channels), plan, size,
                result.AsSpan(i * each, each));
        }

        return result;
    }

    /// <summary>Views that were normalised by a mean of 0 and a deviation of 1/255, as pixels again.</summary>
    public static byte[] Bytes(NdArray views)
    {
        (int count, int channels, int plane) = (views.Shape[0], views.Shape[1], views.Shape[2] * views.Shape[3]);
        double[] values = views.ToDoubles();
        byte[] bytes = new byte[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            (int image, int rest) = Math.DivRem(i, channels * plane);
            (int channel, int pixel) = Math.DivRem(rest, plane);
            Assert.Equal(Math.Round(values[i]), values[i], 1e-4);
            bytes[(((image * plane) + pixel) * channels) + channel] = (byte)Math.Round(values[i]);
        }

        return bytes;
    }
}
