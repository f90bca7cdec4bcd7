using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Vlc.Cli.Demo;

namespace Vlc.Cli.Tests.Demo;

public sealed class DocumentEmbeddingTests
{
    private const int Dimension = 16;

    private static readonly string[] Verbs = ["Read", "Write", "Delete", "Move", "Open", "Close"];
    private static readonly string[] Nouns = ["File", "Socket", "Process", "Certificate", "Matrix", "Thread"];
    private static readonly string[] Manners = ["Quickly", "Safely", "Remotely"];

    [Fact]
    public void Rows_are_of_unit_length_and_named()
    {
        DocumentEmbedding embedding = Build(threads: 2);
        Assert.Equal(embedding.MemberIds.Count * Dimension, embedding.Rows.Length);
        Assert.Equal(Members().Count, embedding.MemberIds.Count + (embedding.HeldOutRows.Length / Dimension));
        for (int i = 0; i < embedding.MemberIds.Count; i++) Assert.Equal(1f, TensorPrimitives.Norm<float>(Row(embedding, i)), 1e-5f);
    }

    [Fact]
    public void A_question_finds_the_members_about_it()
    {
        DocumentEmbedding embedding = Build(threads: 2);
        float[] question = embedding.Embed("delete a certificate");
        Assert.Equal(1f, TensorPrimitives.Norm<float>(question), 1e-5f);

        string best = Enumerable.Range(0, embedding.MemberIds.Count)
            .OrderByDescending(i => TensorPrimitives.Dot<float>(Row(embedding, i), question)).Select(i => embedding.MemberIds[i]).First();
        Assert.StartsWith("M:N.Certificate.Delete", best, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zyzzyva")]
    [InlineData("the of")]
    [InlineData(" ")]
    public void A_question_without_a_known_word_is_refused(string question) =>
        Assert.Throws<ArgumentException>(() => Build(threads: 1).Embed(question));

    [Fact]
    public void Members_that_no_term_tells_apart_are_refused()
    {
        DocumentedMember[] twins = [new("M:N.A.B", "Same.", ""), new("M:N.A.B", "Same.", "")];
        Assert.Throws<ArgumentException>(() => DocumentEmbedding.Build(twins, Dimension, seed: 1, threads: 1));
    }

    [Fact]
    public void One_and_two_threads_give_the_same_bytes()
    {
        DocumentEmbedding one = Build(threads: 1), two = Build(threads: 2);
        Assert.Equal(one.MemberIds, two.MemberIds);
        Assert.True(MemoryMarshal.AsBytes(one.Rows.Span).SequenceEqual(MemoryMarshal.AsBytes(two.Rows.Span)));
        Assert.True(MemoryMarshal.AsBytes(one.HeldOutRows.Span).SequenceEqual(MemoryMarshal.AsBytes(two.HeldOutRows.Span)));
    }

    [Fact]
    public void No_held_out_document_is_a_row_of_the_base()
    {
        // Rows 0 and 2 are twins, row 4 is empty; 1, 3 and 5 may be queries.
        SparseMatrix documents = new(
            [0, 1, 2, 3, 4, 4, 5], [0, 1, 0, 0, 1], [1f, 1f, 1f, 0.5f, 0.5f], 2);
        HoldOutSplit split = HoldOutSplit.Of(documents, 2);
        Assert.Equal([1, 3], split.Queries);
        Assert.Equal([0, 2, 5], split.Base);
        Assert.Equal([1, 3, 5], HoldOutSplit.Of(documents, 100).Queries);
        Assert.Empty(HoldOutSplit.Of(documents, 0).Queries);
    }

    private static ReadOnlySpan<float> Row(DocumentEmbedding embedding, int i) => embedding.Rows.Span.Slice(i * Dimension, Dimension);

    private static DocumentEmbedding Build(int threads) => DocumentEmbedding.Build(Members(), Dimension, seed: 1, threads);

    private static List<DocumentedMember> Members() =>
    [
        .. from verb in Verbs
           from noun in Nouns
           from manner in Manners
           select new DocumentedMember(
               $"M:N.{noun}.{verb}{manner}", $"{verb}s the {noun} {manner}.", ""),
    ];
}
