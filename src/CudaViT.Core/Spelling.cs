namespace CudaViT.Core;

/// <summary>Finds the word that somebody meant who wrote another.</summary>
public static class Spelling
{
    private const int ShortestPrefix = 3;

    /// <summary>What to add to a message: which word was probably meant; empty if none is near.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="known">What could have been.</param>
    /// <returns><c>" (did you mean 'recipe.batch'?)"</c>, or nothing.</returns>
    public static string Suggestion(string word, IEnumerable<string> known) =>
        Nearest(word, known) is { } meant ? $" (did you mean '{meant}'?)" : "";

    /// <summary>The known word that was probably meant; null if none is near enough.</summary>
    /// <remarks>
    /// Near is a third of the letters changed, left out, added or swapped with their neighbour, whatever their case; or
    /// one that begins as was written. Of equally near ones the first.
    /// </remarks>
    /// <param name="word">What was written.</param>
    /// <param name="known">What could have been.</param>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        string[] words = [.. known];
        string? nearest = words.MinBy(other => Distance(word, other));
        return nearest is not null && Distance(word, nearest) <= Math.Max(1, word.Length / 3)
            ? nearest
            : Array.Find(words, other =>
                word.Length >= ShortestPrefix && other.StartsWith(word, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>How many letters must be changed, left out, added, or swapped with their neighbour.</summary>
    /// <remarks>
    /// Optimal string alignment: the recurrence of Levenshtein with one more case, for swapped letters.
    /// </remarks>
    public static int Distance(string first, string second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        (int[] beforeLast, int[] last, int[] row) =
            (new int[second.Length + 1], new int[second.Length + 1], new int[second.Length + 1]);
        for (int j = 0; j <= second.Length; j++)
        {
            last[j] = j;
        }

        for (int i = 1; i <= first.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= second.Length; j++)
            {
                int change = last[j - 1] + (IsSame(i - 1, j - 1) ? 0 : 1);
                row[j] = Math.Min(change, 1 + Math.Min(last[j], row[j - 1]));
                if (i > 1 && j > 1 && IsSame(i - 1, j - 2) && IsSame(i - 2, j - 1))
                {
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
                }
            }

            (beforeLast, last, row) = (last, row, beforeLast);
        }

        return last[second.Length];

        bool IsSame(int i, int j) => char.ToUpperInvariant(first[i]) == char.ToUpperInvariant(second[j]);
    }
}
