using Vlc.Cli.Demo;

namespace Vlc.Cli.Tests.Demo;

public sealed class EnglishTermsTests
{
    [Theory]
    [InlineData("ReadAllTextAsync", "read all text asynchronous")]
    [InlineData("XMLReader IOException", "xml reader io except")]
    [InlineData("SHA256Managed Int32 Vector128", "sha256 manag int32 vector128")]
    [InlineData("URIs and IDs", "uris ids")]
    [InlineData("IEnumerable<T>", "enumerabl")]
    [InlineData("op_Addition", "op addit")]
    public void A_name_is_split_into_its_words(string text, string expected) =>
        Assert.Equal(expected.Split(' '), EnglishTerms.ToList(text));

    [Theory]
    [InlineData("parse parses parsed parsing", "pars")]
    [InlineData("hash hashes hashed hashing", "hash")]
    [InlineData("file files", "fil")]
    [InlineData("query queries", "query")]
    [InlineData("stop stops stopped stopping", "stop")]
    [InlineData("asynchronous asynchronously async", "asynchronous")]
    [InlineData("class classes", "class")]
    [InlineData("connect connects connected connection connections", "connect")]
    [InlineData("serialize serialized serialization", "serializ")]
    public void Inflected_forms_share_a_term(string forms, string term) =>
        Assert.All(EnglishTerms.ToList(forms), t => Assert.Equal(term, t));

    [Theory]
    [InlineData("status", "status")]
    [InlineData("string", "string")]
    [InlineData("need", "need")]
    [InlineData("this is a T", "")]
    [InlineData("  \t-- ", "")]
    [InlineData("", "")]
    public void A_word_that_only_looks_inflected_stays_and_a_stop_word_goes(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', EnglishTerms.ToList(text)));

    [Fact]
    public void An_overlong_word_is_cut() =>
        Assert.Equal(EnglishTerms.MaxLength, Assert.Single(EnglishTerms.ToList(new string('q', 1000))).Length);
}
