using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>One step of a reduction: [outer, reduced, inner] becomes [outer, inner].</summary>
internal readonly record struct ReductionPass(int Outer, int Reduced, int Inner)
{
    /// <summary>
    /// The passes from one shape without empty dimensions to one that broadcasts to it, innermost first. Neighbouring
    /// axes of one kind are merged, so a reduction over rows, over columns or over everything is a single pass.
    /// </summary>
    public static List<ReductionPass> Plan(Shape from, Shape to)
    {
        var passes = new List<ReductionPass>();
        long outer = from.Count;
        long inner = 1;
        for (int i = 1; i <= from.Rank;)
        {
            long reduced = 1;
            for (; i <= from.Rank && (from[^i] == 1 || IsReduced(i)); i++)
            {
                reduced *= from[^i];
            }

            outer /= reduced;
            if (reduced > 1)
            {
                passes.Add(new ReductionPass((int)outer, (int)reduced, (int)inner));
            }

            for (; i <= from.Rank && !IsReduced(i); i++)
            {
                outer /= from[^i];
                inner *= from[^i];
            }
        }

        return passes;

        bool IsReduced(int i) => from[^i] != 1 && (i > to.Rank || to[^i] == 1);
    }
}
