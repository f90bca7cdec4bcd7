using System.Text;
using Vlc.Cli.Demo;

namespace Vlc.Cli.Tests.Demo;

public sealed class HashedTfIdfTests
{
    [Theory]
    [InlineData("", 0xcbf29ce484222325)]
    [InlineData("a", 0xaf63dc4c8601ec8c)]
    [InlineData("foobar", 0x85944171f73967e8)]
    public void The_hash_is_fnv_1a(string text, ulong expected) => Assert.Equal(expected, HashedTfIdf.Fnv1a(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Three_documents_weigh_as_computed_by_hand()
    {
        TextField[][] documents =
        [
            [new("apple apple", 1f), new("pear", 2f)],
            [new("apple plum", 1f)],
            [new("pear cherry", 1f)],
        ];
        (HashedTfIdf model, SparseMatrix rows) = Fit(documents);

        // Plum and cherry occur once and are no columns. Apple and pear occur in two of three documents, so that idf
        // is common to both and cancels in a row of unit length; what is left is 1 + ln 2 against 2 * 1.
        Assert.Equal(2, model.ColumnCount);
        double apple = 1 + Math.Log(2), pear = 2, norm = Math.Sqrt((apple * apple) + (pear * pear));
        Assert.Equal(apple / norm, Weight(model, rows.Row(0), "apple"), 1e-6);
        Assert.Equal(pear / norm, Weight(model, rows.Row(0), "pear"), 1e-6);
        Assert.Equal([1f], rows.Row(1).Values.ToArray());
        Assert.Equal([1f], rows.Row(2).Values.ToArray());
    }

    [Fact]
    public void A_rare_term_outweighs_a_common_one()
    {
        TextField[][] documents =
        [
            [new("apple pear", 1f)], [new("apple pear", 1f)], [new("apple", 1f)], [new("plum plum", 1f)],
        ];
        (HashedTfIdf model, SparseMatrix rows) = Fit(documents);

        double ratio = Math.Pow(Math.Log(5.0 / 3.0) / Math.Log(5.0 / 4.0), HashedTfIdf.IdfExponent);
        Assert.Equal(ratio, Weight(model, rows.Row(0), "pear") / Weight(model, rows.Row(0), "apple"), 1e-5);
        Assert.True(rows.Row(3).Columns.IsEmpty, "a term of one document is no column");
    }

    [Fact]
    public void A_text_of_unknown_words_has_no_weights()
    {
        (HashedTfIdf model, _) = Fit([[new("apple", 1f)], [new("apple", 1f)], [new("pear", 1f)]]);
        Assert.Empty(model.Transform([new("zebra", 1f)]).Columns);
        Assert.Single(model.Transform([new("zebra apples", 1f)]).Columns);
    }

    private static (HashedTfIdf Model, SparseMatrix Rows) Fit(TextField[][] documents) =>
        HashedTfIdf.Fit(documents.Length, i => documents[i], new ParallelOptions { MaxDegreeOfParallelism = 2 });

    private static double Weight(HashedTfIdf model, SparseRow row, string term)
    {
        int column = Assert.Single(model.Transform([new(term, 1f)]).Columns);
        return row.Values[row.Columns.IndexOf(column)];
    }
}
