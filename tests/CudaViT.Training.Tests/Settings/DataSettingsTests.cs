using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Settings;

public sealed class DataSettingsTests
{
    private static TrainSettings With(string? labels = null, double? holdOut = null) => new()
    {
        Data = new DataSettings { Labels = labels, HoldOut = holdOut },
    };

    // Files of runs that do without, and what tells whether two runs are equal, stay what they were.
    [Fact]
    public void Labels_and_hold_out_are_written_only_where_they_are_set()
    {
        string text = SettingsJson.Write(With());
        Assert.DoesNotContain("labels", text);
        Assert.DoesNotContain("holdOut", text);
        TrainSettings set = With("none", 0.25);
        TrainSettings read = SettingsJson.Merge(
            new TrainSettings(), System.Text.Json.Nodes.JsonNode.Parse(SettingsJson.Write(set))!.AsObject(), "file");
        Assert.Equal(set.Data, read.Data);
    }

    [Fact]
    public void Where_a_file_of_labels_lies_does_not_decide_a_result_but_that_there_is_one_does()
    {
        Assert.Equal(With("/here/labels.csv").Digest(), With("/there/classes.csv").Digest());
        string[] digests = [With().Digest(), With("none").Digest(), With("folders").Digest(), With("x.csv").Digest()];
        Assert.Equal(4, digests.Distinct().Count());
        Assert.NotEqual(With(holdOut: 0.1).Digest(), With(holdOut: 0.2).Digest());
    }

    [Fact]
    public void A_difference_is_named_whichever_side_has_the_key()
    {
        Assert.Equal(("data.holdOut", "0.1", "null"), With(holdOut: 0.1).FirstDifference(With()));
        Assert.Equal(("data.holdOut", "null", "0.1"), With().FirstDifference(With(holdOut: 0.1)));
        Assert.Null(With("a.csv").FirstDifference(With("b.csv")));
    }

    [Fact]
    public void A_search_for_images_can_be_given_up() => Assert.Throws<OperationCanceledException>(() =>
        new DataSettings { Path = AppContext.BaseDirectory }.Open(decoder: null, stop: new CancellationToken(true)));
}
