namespace CudaViT.Core.Tests;

public sealed class SpellingTests
{
    private static readonly string[] Known =
        ["train", "report", "--epochs", "recipe.batch", "vit-s-300", "vit-s-300-1node"];

    // A letter changed, left out, added, swapped; another case; only the beginning; nothing near; far too short.
    [Theory]
    [InlineData("trein", "train")]
    [InlineData("trin", "train")]
    [InlineData("--epoch", "--epochs")]
    [InlineData("rceipe.batch", "recipe.batch")]
    [InlineData("TRAIN", "train")]
    [InlineData("vit-s", "vit-s-300")]
    [InlineData("dance", null)]
    [InlineData("v", null)]
    [InlineData("", null)]
    public void The_nearest_word_is_found_and_a_far_one_is_not(string word, string? expected) =>
        Assert.Equal(expected, Spelling.Nearest(word, Known));

    // From the definition, by hand: the fewest letters to change, leave out, add or swap.
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("ab", "ba", 1)]
    [InlineData("abcd", "badc", 2)]
    [InlineData("a", "b", 1)]
    public void The_distance_counts_letters(string first, string second, int expected)
    {
        Assert.Equal(expected, Spelling.Distance(first, second));
        Assert.Equal(expected, Spelling.Distance(second, first));
    }

    [Fact]
    public void A_suggestion_follows_a_message_or_is_empty()
    {
        Assert.Equal(" (did you mean 'train'?)", Spelling.Suggestion("trian", Known));
        Assert.Equal("", Spelling.Suggestion("dance", Known));
        Assert.Equal("", Spelling.Suggestion("train", []));
    }
}
