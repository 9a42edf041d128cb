using CudaViT.Training.Evaluation;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>
/// What is taken for what: a heat map of the confusion matrix for up to a hundred classes, and the most frequent
/// confusions for any number.
/// </summary>
internal static class ConfusionSection
{
    private const int MostInMap = 100;
    private const int MostWithNames = 40;
    private const int MostWithNumbers = 20;
    private const int MostConfusions = 16;
    private const double Side = 1000; // of the map, in its own units
    private const double Names = 150; // room for names at its left and above
    private const double LetterWidth = 6.2;

    /// <summary>Writes the section.</summary>
    /// <param name="html">The page.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="confusion">Images by true class (row) and predicted class (column).</param>
    public static void Write(HtmlWriter html, IReadOnlyList<ClassScore> classes, IReadOnlyList<int[]> confusion)
    {
        html.Add($"<section id=\"confusion\"><h2>What is taken for what</h2><p>Rows are the true classes, columns ");
        html.Add($"the answers; ");
        html.Add($"the colour is the share of a row.</p><div class=\"facts\">");
        if (classes.Count <= MostInMap)
        {
            html.Add($"<div class=\"card{(classes.Count > MostWithNumbers ? " wide" : "")}\">");
            WriteMap(html, classes, confusion);
            html.Add($"</div>");
        }

        WriteConfusions(html, classes, confusion);
        html.Add($"</div></section>");
    }

    private static void WriteMap(HtmlWriter html, IReadOnlyList<ClassScore> classes, IReadOnlyList<int[]> confusion)
    {
        bool hasNames = classes.Count <= MostWithNames;
        double start = hasNames ? Names : 0;
        double cell = (Side - start) / classes.Count;
        double text = Math.Min(22, Math.Max(9, cell * 0.36));
        html.Add($"<svg class=\"confusion\" viewBox=\"0 0 {Side} {Side}\" role=\"img\" aria-label=\"Confusion ");
        html.Add($"matrix\">");
        html.Add($"<rect class=\"empty\" x=\"{start}\" y=\"{start}\" width=\"{Side - start}\" ");
        html.Add($"height=\"{Side - start}\"/>");
        for (int row = 0; row < classes.Count; row++)
        {
            int images = confusion[row].Sum();
            double y = start + (row * cell);
            if (hasNames)
            {
                string name = Short(ClassTable.NameOf(classes[row]), text);
                double x = start + ((row + 0.5) * cell);
                html.Add($"<text style=\"font-size:{text}px\" class=\"y\" x=\"{start - 8}\" ");
                html.Add($"y=\"{y + (cell / 2) + (text / 3)}\">");
                html.Add($"{name}</text><text style=\"font-size:{text}px\" transform=\"translate({x + (text / 3)} ");
                html.Add($"{start - 8}) ");
                html.Add($"rotate(-90)\">{name}</text>");
            }

            for (int column = 0; column < classes.Count; column++)
            {
                if (confusion[row][column] > 0)
                {
                    WriteCell(html, classes, (row, column), confusion[row][column], images, (start, cell, text));
                }
            }
        }

        html.Add($"</svg>");
    }

    private static void WriteCell(
        HtmlWriter html,
        IReadOnlyList<ClassScore> classes,
        (int Row, int Column) place,
        int count,
        int images,
        (double Start, double Cell, double Text) size)
    {
        double share = (double)count / images;
        (double x, double y) = (size.Start + (place.Column * size.Cell), size.Start + (place.Row * size.Cell));
        double gap = Math.Min(2, size.Cell / 10);
        html.Add($"<rect style=\"--a:{0.08 + (0.92 * share)}\" x=\"{x}\" y=\"{y}\" width=\"{size.Cell - gap}\" ");
        html.Add($"height=\"{size.Cell - gap}\"><title>{ClassTable.NameOf(classes[place.Row])} taken for ");
        html.Add($"{ClassTable.NameOf(classes[place.Column])}: {count} of {images}</title></rect>");
        if (classes.Count <= MostWithNumbers)
        {
            html.Add($"<text style=\"font-size:{size.Text}px\" class=\"{(share > 0.5 ? "on" : "off")}\" ");
            html.Add($"x=\"{x + (size.Cell / 2)}\" y=\"{y + (size.Cell / 2) + (size.Text / 3)}\">{count}</text>");
        }
    }

    private static void WriteConfusions(
        HtmlWriter html, IReadOnlyList<ClassScore> classes, IReadOnlyList<int[]> confusion)
    {
        List<(int Row, int Column, int Count)> most = MostFrequent(confusion);
        html.Add($"<section class=\"card\"><h3>Most frequent confusions</h3>");
        if (most.Count == 0)
        {
            html.Add($"<p class=\"none\">There is none.</p></section>");
            return;
        }

        html.Add($"<table><tr><th>class</th><th>taken for</th><th class=\"number\">images</th>");
        html.Add($"<th class=\"number\">share</th></tr>");
        foreach ((int row, int column, int count) in most)
        {
            html.Add($"<tr><td>{ClassTable.NameOf(classes[row])}</td><td>{ClassTable.NameOf(classes[column])}</td>");
            html.Add($"<td class=\"number\">{count}</td>");
            html.Add($"<td class=\"number\">{100.0 * count / confusion[row].Sum():0.0} %</td></tr>");
        }

        html.Add($"</table></section>");
    }

    // The largest counts off the diagonal, among equals those that come first; there may be millions of them.
    private static List<(int Row, int Column, int Count)> MostFrequent(IReadOnlyList<int[]> confusion)
    {
        var most = new List<(int Row, int Column, int Count)>(MostConfusions + 1);
        for (int row = 0; row < confusion.Count; row++)
        {
            for (int column = 0; column < confusion[row].Length; column++)
            {
                int count = confusion[row][column];
                if (count == 0 || row == column || (most.Count == MostConfusions && count <= most[^1].Count))
                {
                    continue;
                }

                int place = most.FindIndex(cell => cell.Count < count);
                most.Insert(place < 0 ? most.Count : place, (row, column, count));
                if (most.Count > MostConfusions)
                {
                    most.RemoveAt(MostConfusions);
                }
            }
        }

        return most;
    }

    private static string Short(string name, double textSize)
    {
        int letters = (int)((Names - 8) / (LetterWidth * textSize / 12));
        return name.Length <= letters ? name : name[..(letters - 1)] + "…";
    }
}
