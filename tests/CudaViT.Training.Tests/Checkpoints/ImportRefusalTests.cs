using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

/// <summary>Files that have an encoder's tensors and more, or fewer: nothing may be taken for what it is not.</summary>
public sealed class ImportRefusalTests : ImportTestBase
{
    [Fact]
    public void Of_two_encoders_none_is_chosen()
    {
        (string Name, IReadOnlyList<long> Shape, byte[] Data)[] entries = [.. Entries(SmallEncoder())];
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(
            "model",
            [
                .. entries.Select(entry => ($"student.{entry.Name}", entry.Shape, entry.Data)),
                .. entries.Select(entry => ($"teacher.{entry.Name}", entry.Shape, entry.Data)),
            ]));
        Assert.Contains("student., teacher.", Refused(source));
    }

    // Every tensor that an encoder needs here is there, and the function is another one all the same.
    [Theory]
    [InlineData("blocks.0.ls1.gamma", "LayerScale")]
    [InlineData("blocks.1.gamma_2", "LayerScale")]
    [InlineData("blocks.0.attn.q_norm.weight", "query and key norms")]
    [InlineData("blocks.0.attn.k_norm.bias", "query and key norms")]
    [InlineData("reg_token", "register tokens")]
    [InlineData("register_tokens", "register tokens")]
    [InlineData("norm_pre.weight", "a normalization before the first block")]
    [InlineData("blocks.0.attn.relative_position_bias_table", "relative position bias")]
    [InlineData("rel_pos_bias.relative_position_bias_table", "relative position bias")]
    [InlineData("rope.freqs", "rotary positions")]
    [InlineData("dist_token", "distillation token")]
    [InlineData("blocks.0.mlp.w12.weight", "SwiGLU")]
    [InlineData("blocks.0.attn.q_bias", "biases of queries and values")]
    [InlineData("fc_norm.weight", "a normalization after pooling")]
    [InlineData("attn_pool.q.weight", "attention pooling")]
    [InlineData("blocks.0.attn.proj.lora_A.weight", "low-rank adapters")]
    [InlineData("blocks.0.attn.norm.weight", "not understood")]
    [InlineData("blocks.0.adapter.down", "not understood")]
    [InlineData("blocks.rest", "not understood")]
    [InlineData("patch_embed.norm.weight", "not understood")]
    [InlineData("norm.running_mean", "not understood")]
    [InlineData("pos_embed.window", "not understood")]
    public void What_would_change_the_encoder_is_refused_and_explained(string name, string says)
    {
        foreach (string prefix in (string[])["", "module.", "backbone."])
        {
            (string Name, IReadOnlyList<long> Shape, byte[] Data) more = (name, [2], new byte[8]);
            string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(SmallEncoder())
                .Append(more)
                .Select(entry => (prefix + entry.Name, entry.Shape, entry.Data))));
            string message = Refused(source, says == "not understood" ? 2 : null);
            Assert.Contains(says, message);
            Assert.Contains(name, message);
        }
    }

    // The same in the other parts of a whole model.
    [Theory]
    [InlineData("base_encoder.blocks.0.ls1.gamma")]
    [InlineData("base_encoder.something")]
    [InlineData("base_encoder.head.9.weight")]
    [InlineData("momentum_encoder.blocks.0.ls1.gamma")]
    [InlineData("momentum_encoder.something")]
    [InlineData("predictor.9.weight")]
    public void What_would_change_a_whole_model_is_refused(string name)
    {
        using var scope = new StepScope();
        var model = new MoCoV3(SmallSettings, temperature: 1);
        model.Initialize(Run.Backend, DType.F32, seed: 1);
        IEnumerable<(string, IReadOnlyList<long>, byte[])> entries = model.State().Select(Entry);
        Import(
            Folder.Write("x.pth", PickleWriter.Checkpoint("state_dict", entries.Append(("queue", [2L], new byte[8])))),
            heads: 2);
        File.Delete(Folder["out"]);
        string source = Folder.Write(
            "y.pth", PickleWriter.Checkpoint("state_dict", entries.Append((name, [2L], new byte[8]))));
        Assert.Contains(name.Replace("base_encoder.", ""), Refused(source));
    }

    // A file in which blocks are missing was once taken for a shorter model.
    [Theory]
    [InlineData("0", "blocks.0 is missing")]
    [InlineData("1", "blocks.1 is missing")]
    [InlineData("0,1", "blocks.0 to blocks.1 are missing")]
    [InlineData("1,3", "blocks.1 is missing, blocks.3 is missing")]
    public void A_missing_block_is_named(string missing, string says)
    {
        string[] gone = [.. missing.Split(',').Select(block => $"blocks.{block}.")];
        Encoder encoder = SmallEncoder(depth: 5);
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(encoder)
            .Where(entry => !gone.Any(entry.Name.StartsWith))
            .Where(entry => entry.Name is not "blocks.4.norm2.bias")));
        string message = Refused(source);
        Assert.Contains(says, message);
        Assert.Contains("blocks.4 is partial, with 11 of 12 tensors", message);
    }

    // Some of a last block is no reason to leave it out.
    [Fact]
    public void A_partial_block_lacks_tensors()
    {
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(SmallEncoder())
            .Where(entry => entry.Name.Contains("norm") || !entry.Name.StartsWith("blocks.1."))));
        Assert.Contains("8 tensors are missing: base_encoder.blocks.1.attn.qkv.weight", Refused(source));
    }

    [Fact]
    public void A_tensor_of_another_type_within_the_encoder_is_no_stranger()
    {
        var storages = new Dictionary<string, byte[]> { ["s"] = new byte[16] };
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(
            "model",
            Entries(SmallEncoder()).Where(entry => entry.Name != "norm.bias"),
            pickle => pickle.Text("norm.bias").Tensor("s", [8], "ShortStorage"),
            storages));
        Assert.Contains("norm.bias (a type that is not read [8])", Refused(source));
    }

    [Fact]
    public void Tensors_elsewhere_are_pointed_at()
    {
        byte[] pickle = new PickleWriter().Op("}(").Text("teacher").Op("}").Text("norm.bias").Tensor("0", [2]).Op("s")
            .Text("epoch").Int(3).Text("student").Op("}").Text("norm.bias").Tensor("0", [2]).Op("su").Finish();
        string source = Folder.Write(
            "x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { ["0"] = new byte[8] }));
        Assert.Contains("but some under teacher, student; expected", Refused(source));
    }

    [Fact]
    public void A_whole_model_is_not_unpickled()
    {
        byte[] pickle = new PickleWriter().Global("timm.models", "VisionTransformer").Op(")\u0081}b").Finish();
        string source = Folder.Write("x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]>()));
        string message = Refused(source);
        Assert.Contains("timm.models.VisionTransformer", message);
        Assert.Contains("state_dict()", message);
    }

    [Fact]
    public void What_is_missing_is_listed_and_nothing_is_written()
    {
        Encoder encoder = SmallEncoder();
        string[] removed = ["blocks.1.mlp.fc2.bias", "norm.weight"];
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(
            "model", Entries(encoder).Where(entry => !removed.Contains(entry.Name))));
        string message = Assert.Throws<CheckpointException>(() => Import(source, heads: 2)).Message;
        Assert.All(removed, name => Assert.Contains(name, message));
        Assert.DoesNotContain('\n', message);
        Assert.False(File.Exists(Folder["out"]));
    }

    [Fact]
    public void Tensors_of_two_models_are_refused()
    {
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(SmallEncoder())
            .Select(entry => entry.Name == "norm.bias" ? (entry.Name, [4L], new byte[16]) : entry)));
        string message = Assert.Throws<CheckpointException>(() => Import(source, heads: 2)).Message;
        Assert.Contains("norm.bias: F32 [4] instead of [8]", message);
    }
}
