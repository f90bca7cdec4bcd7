using System.Globalization;
using System.Text;
using Vlc.Tests;
using Vlc.Vectors;

namespace Vlc.Formats.Tests;

/// <summary>JSON documents as tools and APIs write them.</summary>
public sealed class JsonTests
{
    private static readonly float[] Four = [0.5f, 1.5f, 2.5f, 3.5f];

    /// <summary>What wrote it, the document, keys, payload, the path.</summary>
    public static TheoryData<string, string, string[], string[], string> Documents => new()
    {
        { "lists", "[[0.5,1.5],[2.5,3.5]]", [], [], "[]" },
        { "objects", """[{"id":"a","embedding":[0.5,1.5],"text":"x"},{"id":"b","embedding":[2.5,3.5],"text":"y"}]""", ["a", "b"],
            ["""{"text":"x"}""", """{"text":"y"}"""], "[].embedding" },
        { "OpenAI", """{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1.5]},{"object":"embedding","index":1"""
            + ""","embedding":[2.5,3.5]}],"model":"m","usage":{"total_tokens":8}}""", [],
            ["""{"object":"embedding","index":0}""", """{"object":"embedding","index":1}"""], "data[].embedding" },
        { "Cohere", """{"id":"r","texts":["x","y"],"embeddings":[[0.5,1.5],[2.5,3.5]],"meta":{}}""", [],
            ["""{"texts":"x"}""", """{"texts":"y"}"""], "embeddings[]" },
        { "Cohere v2", """{"id":"r","embeddings":{"float":[[0.5,1.5],[2.5,3.5]]},"texts":["x","y"]}""", [],
            ["""{"texts":"x"}""", """{"texts":"y"}"""], "embeddings.float[]" },
        { "Chroma get", """{"ids":["a","b"],"documents":["x",null],"embeddings":[[0.5,1.5],[2.5,3.5]],"metadatas":[{"p":1},{"p":2}]}""",
            ["a", "b"], ["""{"documents":"x","metadatas":{"p":1}}""", """{"documents":null,"metadatas":{"p":2}}"""], "embeddings[]" },
        { "words", """{"the":[0.5,1.5],"vector":[2.5,3.5]}""", ["the", "vector"], [], "*" },
        { "ids to objects (LangChain)", """{"k1":{"id":"k1","vector":[0.5,1.5],"text":"x","metadata":{}},"k2":{"id":"k2","vector":"""
            + """[2.5,3.5],"text":"y","metadata":{"s":1}}}""", ["k1", "k2"], ["""{"id":"k1","text":"x","metadata":{}}""",
            """{"id":"k2","text":"y","metadata":{"s":1}}"""], "*.vector" },
        { "llama_index", """{"embedding_dict":{"n1":[0.5,1.5],"n2":[2.5,3.5]},"text_id_to_ref_doc_id":{"n1":"d1","n2":"d1"}"""
            + ""","metadata_dict":{"n2":{"f":"b"}}}""", ["n1", "n2"], ["""{"text_id_to_ref_doc_id":"d1"}""",
            """{"text_id_to_ref_doc_id":"d1","metadata_dict":{"f":"b"}}"""], "embedding_dict.*" },
        { "Qdrant scroll", """{"result":{"points":[{"id":1,"payload":{"t":"x"},"vector":[0.5,1.5]},{"id":2,"payload":{"t":"y"}"""
            + ""","vector":[2.5,3.5]}],"next_page_offset":null},"status":"ok"}""", ["1", "2"],
            ["""{"payload":{"t":"x"}}""", """{"payload":{"t":"y"}}"""], "result.points[].vector" },
        { "Qdrant, a named vector", """[{"id":"a","vector":{"text":[0.5,1.5]}},{"id":"b","vector":{"text":[2.5,3.5]}}]""", ["a", "b"], [],
            "[].vector.text" },
        { "Weaviate Get", """{"data":{"Get":{"Article":[{"_additional":{"id":"u1","vector":[0.5,1.5]},"title":"x"},"""
            + """{"_additional":{"id":"u2","vector":[2.5,3.5]},"title":"y"}]}}}""", ["u1", "u2"],
            ["""{"title":"x"}""", """{"title":"y"}"""], "data.Get.Article[]._additional.vector" },
        { "Weaviate objects", """{"objects":[{"class":"A","id":"u1","properties":{"t":"x"},"vector":[0.5,1.5]},"""
            + """{"class":"A","id":"u2","properties":{"t":"y"},"vector":[2.5,3.5]}]}""", ["u1", "u2"],
            ["""{"class":"A","properties":{"t":"x"}}""", """{"class":"A","properties":{"t":"y"}}"""], "objects[].vector" },
        { "base64", """{"data":[{"embedding":"AAAAPwAAwD8="},{"embedding":"AAAgQAAAYEA="}]}""", [], [], "data[].embedding" },
        { "text of a list", """[{"v":"[0.5, 1.5]"},{"v":"[2.5, 3.5]"}]""", [], [], "[].v" },
        { "a box beside it", """[{"box":[1,2,3,4],"embedding":[0.5,1.5]},{"box":[1,2,3,4],"embedding":[2.5,3.5]}]""", [],
            ["""{"box":[1,2,3,4]}""", """{"box":[1,2,3,4]}"""], "[].embedding" },
        { "in lines, nested", "{\"custom_id\":\"a\",\"response\":{\"body\":{\"data\":[{\"embedding\":[0.5,1.5]}]}}}\n"
            + "{\"custom_id\":\"b\",\"response\":{\"body\":{\"data\":[{\"embedding\":[2.5,3.5]}]}}}",
            ["a", "b"], [], "response.body.data[].embedding" },
        { "lists in lines", "[0.5,1.5]\n[2.5,3.5]\n", [], [], "" },
    };

    [Theory]
    [MemberData(nameof(Documents))]
    public void Documents_are_read_wherever_their_vectors_lie(string writer, string document, string[] keys, string[] payload, string path)
    {
        Assert.NotEmpty(writer);
        foreach (string name in (string[])["v.json", "v.txt", "v"])
        {
            Decided decided = Decided.Of(name, document);
            Assert.Equal(2, decided.Dimension);
            Assert.Equal(Four, decided.Values);
            Assert.Equal(keys, decided.Keys);
            Assert.Equal(payload, decided.Payload);
            Assert.Contains(path, decided.Notes, StringComparison.Ordinal);
            if (path.Length > 0) Assert.Equal(Four, Decided.Of(name, document, new VectorFileOptions { JsonPath = path }).Values);
        }
    }

    [Theory]
    [InlineData("""{"queries":[[1,2],[3,4]],"docs":[[5,6],[7,8]]}""", "queries[], docs[]")]
    [InlineData("""[{"title_vec":[1,2],"body_vec":[3,4]},{"title_vec":[1,2],"body_vec":[3,4]}]""", "[].title_vec")]
    [InlineData("[[[1,2],[3,4]],[[5,6],[7,8]]]", "[][]")]
    [InlineData("""{"name":"x","size":3}""", "none")]
    [InlineData("""[{"embedding":[1,2]},{"embedding":[1]}]""", "2 components")]
    [InlineData("""[{"embedding":[1,2]},{"text":"x"}]""", "row 1")]
    [InlineData("""[{"embedding":[1,2]},{"embedding":[1,NaN]}]""", "JSON")]
    [InlineData("""[[1,2],[3,"x"]]""", "component 1")]
    public void Documents_without_one_place_of_vectors_are_refused(string document, string message) =>
        Assert.Contains(message, Decided.Refused("v.json", document).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[1,2]\n[3,4] x]", "line 2")]
    [InlineData("[1,2]\n[3,x]", "line 2")]
    [InlineData("[1,2]\n[3]", "2 components")]
    public void Damaged_lists_in_lines_are_refused_by_line(string lines, string message) =>
        Assert.Contains(message, Decided.Refused("v.jsonl", lines).Message, StringComparison.Ordinal);

    [Fact]
    public void A_path_or_a_property_decides()
    {
        const string two = """{"queries":[[1,2],[3,4]],"docs":[[5,6],[7,8]]}""";
        Assert.Equal([5, 6, 7, 8], Decided.Of("v.json", two, new VectorFileOptions { JsonPath = "docs[]" }).Values);
        const string both = """[{"a":[1,2],"b":[3,4]},{"a":[5,6],"b":[7,8]}]""";
        Assert.Equal([3, 4, 7, 8], Decided.Of("v.json", both, new VectorFileOptions { Column = "b" }).Values);
        Assert.Equal(
            [1, 2, 3, 4, 5, 6, 7, 8],
            Decided.Of("v.json", "[[[1,2],[3,4]],[[5,6],[7,8]]]", new VectorFileOptions { JsonPath = "[][]" }).Values);
        Assert.Equal(["x"], Decided.Of("v.json", """[{"a.b":[1,2],"n":"x"}]""",
            new VectorFileOptions { JsonPath = "[].a\\.b", KeyColumn = "n" }).Keys);
    }

    [Theory]
    [InlineData("float32", "")]
    [InlineData("float64", "float64")]
    [InlineData("float16", "float16")]
    public void Base64_of_another_type_neither_doubles_nor_halves_the_dimension(string type, string note)
    {
        Random random = new(11);
        float[] vector = [.. Enumerable.Range(0, 64).Select(_ => (float)(Half)((random.NextSingle() - 0.5f) / 4))];
        byte[] bytes = type switch
        {
            "float64" => Samples.Bytes(vector.Select(value => (double)value).ToArray()),
            "float16" => Samples.Bytes(vector.Select(value => (Half)value).ToArray()),
            _ => Samples.Bytes(vector),
        };
        string row = $$"""{"embedding":"{{Convert.ToBase64String(bytes)}}"}""";
        Decided decided = Decided.Of("v.jsonl", row + "\n" + row);
        Assert.Equal(64, decided.Dimension);
        Assert.Equal(vector, decided.Values[..64]);
        Assert.Contains(note, decided.Notes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(28)]
    public void Base64_of_few_halves_is_read_as_halves(int dimension)
    {
        Random random = new(12);
        Half[] vector = [.. Enumerable.Range(0, dimension).Select(_ => (Half)((random.NextSingle() - 0.5f) / 4))];
        Decided decided = Decided.Of("v.jsonl", $$"""{"embedding":"{{Convert.ToBase64String(Samples.Bytes(vector))}}"}""");
        Assert.Equal(vector.Select(value => (float)value), decided.Values);
        Assert.Contains("float16", decided.Notes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(384)]
    public void Base64_of_bytes_is_refused(int dimension)
    {
        byte[] bytes = new byte[dimension];
        new Random(13).NextBytes(bytes);
        VlcFormatException refused = Decided.Refused("v.jsonl", $$"""{"embedding":"{{Convert.ToBase64String(bytes)}}"}""");
        Assert.Contains($"{dimension} bytes that may be of another type", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_document_is_read_by_range_without_being_held()
    {
        const int rows = 20_000;
        var text = new StringBuilder("{\"meta\":\"" + new string('x', 300_000) + "\",\n\"data\":[");
        for (int i = 0; i < rows; i++)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{(i == 0 ? "" : ", ")}{{\"id\":{i}, \"embedding\" : [{i}.5,{i}.25, -1e-2 ], \"t\":\"é{i}\"}}");
        }
        text.Append("]}");
        using TemporaryFolder folder = new();
        using VectorSource source = Samples.Open(folder.Write("v.json", Encoding.UTF8.GetBytes(text.ToString())));
        Assert.Equal((rows, 3), (source.Count, source.Dimension));
        float[] row = new float[3];
        string[] one = new string[1];
        foreach (int i in (int[])[rows - 1, 0, 777])
        {
            source.Read(i, 1, row);
            Assert.Equal([i + 0.5f, i + 0.25f, -0.01f], row);
            source.ReadKeys(i, one);
            Assert.Equal($"{i}", one[0]);
            source.ReadPayload(i, one);
            Assert.Equal($$"""{"t":"é{{i}}"}""", one[0]);
        }
    }
}
