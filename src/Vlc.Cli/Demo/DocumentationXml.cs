using System.Text;
using System.Xml;

namespace Vlc.Cli.Demo;

/// <summary>Reads the members of one XML documentation file, streaming.</summary>
internal static class DocumentationXml
{
    private static readonly XmlReaderSettings Settings = new()
    {
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        DtdProcessing = DtdProcessing.Prohibit,
    };

    /// <summary>Members in file order, without those of which nothing is said.</summary>
    public static IEnumerable<DocumentedMember> Read(Stream stream)
    {
        using XmlReader reader = XmlReader.Create(stream, Settings);
        StringBuilder summary = new(), details = new();
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Element || reader.Name != "member") continue;
            string? id = reader.GetAttribute("name");
            if (id is null || reader.IsEmptyElement) continue;

            ReadMember(reader, summary.Clear(), details.Clear());
            (string summaryText, string detailsText) = (summary.ToString().Trim(), details.ToString().Trim());
            if (summaryText.Length + detailsText.Length > 0) yield return new DocumentedMember(id, summaryText, detailsText);
        }
    }

    private static void ReadMember(XmlReader reader, StringBuilder summary, StringBuilder details)
    {
        int memberDepth = reader.Depth;
        StringBuilder? section = null;
        bool onNextNode = false;
        while ((onNextNode || reader.Read()) && reader.Depth > memberDepth)
        {
            onNextNode = false;
            if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA)
            {
                section?.Append(reader.Value);
                continue;
            }

            // An element's boundary is a word boundary; whitespace between elements is nothing more.
            section?.Append(' ');
            if (reader.NodeType != XmlNodeType.Element) continue;
            if (reader.Depth == memberDepth + 1)
            {
                section = reader.Name switch
                {
                    "summary" => summary,
                    "param" or "typeparam" or "returns" or "value" or "remarks" => details,
                    _ => null, // Exceptions read alike on thousands of members; examples are code.
                };
            }

            if (section is null || reader.Name == "code")
            {
                reader.Skip();
                onNextNode = true;
            }
            else if (reader.IsEmptyElement)
            {
                section.Append(ReferenceWords(reader)).Append(' ');
            }
        }
    }

    // An empty see, paramref or typeparamref is read as the name that it shows; one with text of its own, as that text.
    private static string ReferenceWords(XmlReader reader)
    {
        if (reader.GetAttribute("cref") is { } cref) return DocumentationId.Parse(cref).ToString();
        return reader.Name is "paramref" or "typeparamref" ? reader.GetAttribute("name") ?? ""
            : reader.GetAttribute("langword") ?? "";
    }
}
