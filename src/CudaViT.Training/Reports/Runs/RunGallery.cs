using CudaViT.Training.Reports.Html;
using CudaViT.Training.Reports.Pictures;

namespace CudaViT.Training.Reports.Runs;

/// <summary>The pictures of a run.</summary>
internal static class RunGallery
{
    private const int Exact = 64; // smaller pictures keep their pixels visible

    /// <summary>What the encoder sees, and how it sees it.</summary>
    /// <param name="html">The page.</param>
    /// <param name="pictures">The pictures; null where there are none.</param>
    /// <param name="reason">Why there are none.</param>
    /// <param name="isTransformer">Whether the network has patches and attention.</param>
    public static void Write(HtmlWriter html, RunPictures? pictures, string reason, bool isTransformer)
    {
        WriteViews(html, pictures, reason);
        WriteNeighbours(html, pictures, reason);
        const string NoTokens =
            "ResNet-50 has no attention and no patch tokens: these parts of the report are for Vision Transformers.";
        WriteAttention(html, pictures, isTransformer ? reason : NoTokens);
        WriteComponents(html, pictures, isTransformer ? reason : NoTokens);
    }

    private static void WriteViews(HtmlWriter html, RunPictures? pictures, string reason)
    {
        html.Add($"<section id=\"views\"><h2>Augmented pairs</h2><p>Training images with view A and view B, as the ");
        html.Add($"first ");
        html.Add($"epoch has them: the encoder learns that both are the same image.</p>");
        if (pictures is null or { Pairs.Count: 0 })
        {
            WriteNone(html, reason);
            return;
        }

        html.Add($"<div class=\"card pictures pairs\">");
        foreach (ViewPair pair in pictures.Pairs)
        {
            html.Add($"<div class=\"set\">");
            WritePicture(html, pair.Image, "image");
            WritePicture(html, pair.First, "view A");
            WritePicture(html, pair.Second, "view B");
            html.Add($"</div>");
        }

        html.Add($"</div></section>");
    }

    private static void WriteNeighbours(HtmlWriter html, RunPictures? pictures, string reason)
    {
        html.Add($"<section id=\"neighbours\"><h2>Nearest neighbours</h2>");
        if (pictures is null or { Neighbours.Count: 0 })
        {
            html.Add($"<p>Images next to those whose features are most alike.</p>");
            WriteNone(html, reason);
            return;
        }

        html.Add($"<p>On the left {pictures.NeighbourSource}; after step {pictures.Step}. The number is the cosine ");
        html.Add($"of the ");
        html.Add($"features; classes of the neighbours are green where they are that of the image.</p>");
        html.Add($"<div class=\"card rows\">");
        foreach (NeighbourRow row in pictures.Neighbours)
        {
            html.Add($"<div class=\"row\">");
            WritePicture(html, row.Query, row.Label ?? "image");
            foreach (NeighbourPicture near in row.Neighbours)
            {
                html.Add($"<figure class=\"picture\">");
                WriteImage(html, near.Image, near.Label ?? "neighbour");
                html.Add($"<span>{near.Cosine:0.000}</span>");
                if (near.Label is not null)
                {
                    html.Add($"<span class=\"{(near.Label == row.Label ? "right" : "wrong")}\" ");
                    html.Add($"title=\"{near.Label}\">");
                    html.Add($"{near.Label}</span>");
                }

                html.Add($"</figure>");
            }

            html.Add($"</div>");
        }

        html.Add($"</div></section>");
    }

    private static void WriteAttention(HtmlWriter html, RunPictures? pictures, string reason)
    {
        html.Add($"<section id=\"attention\"><h2>Attention of the last block</h2>");
        html.Add($"<p>Where the class token looks (without one: how much each patch is looked at, on average), as ");
        html.Add($"the mean ");
        html.Add($"of all heads over the image and for each head. From the least (dark) to the most looked at ");
        html.Add($"patch (bright) of each map.</p>");
        if (pictures is null or { Attention.Count: 0 })
        {
            WriteNone(html, reason);
            return;
        }

        html.Add($"<div class=\"card rows\">");
        foreach (AttentionRow row in pictures.Attention)
        {
            html.Add($"<div class=\"row\">");
            WritePicture(html, row.Image, "image");
            html.Add($"<figure class=\"picture\"><div class=\"overlay\">");
            WriteImage(html, row.Image, "image");
            WriteImage(html, row.Mean, "mean attention");
            html.Add($"</div><span>mean of heads</span></figure>");
            for (int head = 0; head < row.Heads.Count; head++)
            {
                html.Add($"<figure class=\"picture\">");
                WriteImage(html, row.Heads[head], "attention");
                html.Add($"<span>head {head + 1}</span></figure>");
            }

            html.Add($"</div>");
        }

        html.Add($"</div></section>");
    }

    private static void WriteComponents(HtmlWriter html, RunPictures? pictures, string reason)
    {
        html.Add($"<section id=\"components\"><h2>Principal components of patch features</h2>");
        html.Add($"<p>The three directions in which the patches of these images vary most, as red, green and blue. ");
        html.Add($"Patches ");
        html.Add($"of one colour are alike to the encoder.</p>");
        if (pictures?.Components is not { } components)
        {
            WriteNone(html, reason);
            return;
        }

        html.Add($"<div class=\"card\"><div class=\"pictures components\">");
        foreach ((Picture image, Picture map) in components.Images)
        {
            html.Add($"<div class=\"set\">");
            WritePicture(html, image, "");
            WritePicture(html, map, "");
            html.Add($"</div>");
        }

        string shares = string.Join(
            ", ", components.Shares.Select(share => FormattableString.Invariant($"{100 * share:0} %")));
        html.Add($"</div><p class=\"caption\">They explain {shares} of the variance.</p></div></section>");
    }

    private static void WriteNone(HtmlWriter html, string reason) =>
        html.Add($"<p class=\"card none\">{reason}</p></section>");

    private static void WritePicture(HtmlWriter html, Picture picture, string text)
    {
        html.Add($"<figure class=\"picture\">");
        WriteImage(html, picture, text);
        if (text.Length > 0)
        {
            html.Add($"<span title=\"{text}\">{text}</span>");
        }

        html.Add($"</figure>");
    }

    private static void WriteImage(HtmlWriter html, Picture picture, string text)
    {
        // Maps of few patches are smooth or exact as the eye needs it: small photographs keep their pixels.
        bool isExact = picture.Width is > 16 and < Exact;
        html.Add($"<img class=\"{(isExact ? "exact" : "")}\" alt=\"{text}\" src=\"");
        html.AddMarkup(picture.DataUri);
        html.Add($"\"/>");
    }
}
