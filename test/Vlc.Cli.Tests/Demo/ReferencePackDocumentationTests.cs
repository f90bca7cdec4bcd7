using System.Text;
using Vlc.Cli.Demo;
using Vlc.Tests;

namespace Vlc.Cli.Tests.Demo;

public sealed class ReferencePackDocumentationTests
{
    private const string Sample = """
        <?xml version="1.0"?>
        <doc><assembly><name>Sample</name></assembly><members>
          <member name="M:N.Reader.ReadAll(System.String)">
            <summary>Reads <see cref="T:N.Widget`1" /> as <see langword="null" /> or <see cref="P:N.Widget.Size">its size</see>
              <para>from <paramref name="path" />; a &lt; b.<c>code</c></para></summary>
            <param name="path">The file of <typeparamref name="TItem"/>s.</param>
            <exception cref="T:System.IO.IOException">Never seen <see cref="T:N.Other" />.</exception>
            <returns>A task.</returns><remarks>More.<code>int x;</code>Still more.</remarks>
          </member>
          <member name="M:N.Reader.Close"><inheritdoc /></member>
          <member name="T:N.Reader"><summary>   </summary></member>
          <member name="F:N.Empty" />
          <member name="P:N.Reader.Name"><value>The name.</value></member>
        </members></doc>
        """;

    [Fact]
    public void Text_is_read_with_its_references_as_words_and_silent_members_are_skipped()
    {
        using MemoryStream stream = new(Encoding.UTF8.GetBytes(Sample));
        List<DocumentedMember> members = [.. DocumentationXml.Read(stream)];

        Assert.Equal(["M:N.Reader.ReadAll(System.String)", "P:N.Reader.Name"], members.Select(m => m.Id));
        Assert.Equal("Reads Widget as null or its size from path ; a < b. code", Words(members[0].Summary));
        Assert.Equal("The file of TItem s. A task. More. Still more.", Words(members[0].Details));
        Assert.Equal("The name.", members[1].Details);
    }

    [Theory]
    [InlineData("M:System.IO.File.ReadAllText(System.String)", "System.IO", "File", "ReadAllText")]
    [InlineData("T:System.Collections.Generic.List`1", "System.Collections.Generic", "List", "")]
    [InlineData("M:N.C`1.#ctor", "N", "C", "")]
    [InlineData("M:N.C.System#IEquatable{N.D}#Equals(N.D)", "N", "C", "Equals")]
    [InlineData("M:N.C.op_Implicit(N.C)~System.Int32", "N", "C", "op_Implicit")]
    [InlineData("M:N.C.Map``2(System.Func{``0,``1})", "N", "C", "Map")]
    [InlineData("T:Program", "", "Program", "")]
    [InlineData("N:System.IO", "System.IO", "", "")]
    [InlineData("", "", "", "")]
    public void An_id_is_split_into_namespace_type_and_member(string id, string space, string type, string member) =>
        Assert.Equal(new DocumentationId(space, type, member), DocumentationId.Parse(id));

    [Fact]
    public void The_newest_version_of_each_pack_is_read_in_ordinal_order_and_each_member_once()
    {
        using TemporaryFolder packs = new();
        AddPack(packs, "A.Ref", "9.0.11", "old.xml", "T:N.Old");
        AddPack(packs, "A.Ref", "10.0.0-rc.1", "preview.xml", "T:N.Preview");
        AddPack(packs, "A.Ref", "10.0.0", "b.xml", "T:N.B");
        AddPack(packs, "A.Ref", "10.0.0", "a.xml", "T:N.A");
        AddPack(packs, "B.Ref", "8.0.0", "a.xml", "T:N.A");
        AddPack(packs, "A.Host", "10.0.0", "c.xml", "T:N.Host");

        Assert.Equal(packs.Path, ReferencePackDocumentation.FindPacks([packs.File("absent"), packs.Path]));
        Assert.Equal(["T:N.A", "T:N.B"], ReferencePackDocumentation.Read(packs.Path).Select(m => m.Id));
    }

    [Fact]
    public void Without_packs_the_error_says_what_was_searched()
    {
        using TemporaryFolder folder = new();
        DirectoryNotFoundException error = Assert.Throws<DirectoryNotFoundException>(
            () => ReferencePackDocumentation.FindPacks([folder.Path, folder.File("packs")]));
        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains(folder.File("packs"), error.Message, StringComparison.Ordinal);
        Assert.Contains("SDK", error.Message, StringComparison.Ordinal);
    }

    private static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static void AddPack(TemporaryFolder packs, string pack, string version, string file, string id)
    {
        string folder = Path.Combine(packs.Path, pack, version, "ref", "net");
        Directory.CreateDirectory(folder);
        File.WriteAllText(
            Path.Combine(folder, file), $"<doc><members><member name=\"{id}\"><summary>Text.</summary></member></members></doc>");
    }
}
