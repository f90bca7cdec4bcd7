using System.Text;

namespace Vlc.Cli.Demo;

/// <summary>
/// The name parts of a documentation comment id, such as <c>M:System.IO.File.ReadAllText(System.String)</c>:
/// what the member is called, what type it belongs to, and in what namespace that lies.
/// </summary>
internal readonly record struct DocumentationId(string Namespace, string Type, string Member)
{
    /// <summary>Splits an id; a part that the id does not have is empty. A type id has no member.</summary>
    public static DocumentationId Parse(string id)
    {
        (char kind, string qualified) = id.Length > 1 && id[1] == ':' ? (id[0], id[2..]) : ('T', id);
        string[] parts = WithoutSignature(qualified).Split('.', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0) return new DocumentationId("", "", "");
        if (kind == 'N') return new DocumentationId(string.Join('.', parts), "", "");

        int type = kind == 'T' ? parts.Length - 1 : parts.Length - 2;
        string member = type < parts.Length - 1 ? parts[^1] : "";
        return new DocumentationId(
            string.Join('.', parts.AsSpan(0, Math.Max(type, 0))!),
            type >= 0 ? parts[type] : "",
            MemberName(member));
    }

    /// <summary>The words a reader sees in place of a reference: type and member, without namespace or parameters.</summary>
    public override string ToString() => Member.Length == 0 ? Type : Type.Length == 0 ? Member : $"{Type} {Member}";

    // "#ctor" says nothing that the type's name does not, and an explicit implementation
    // ("System#IDisposable#Dispose") is its last part.
    private static string MemberName(string member) =>
        member is "#ctor" or "#cctor" ? "" : member[(member.LastIndexOf('#') + 1)..];

    // Drops parameters, a conversion's return type, generic arity (`1, ``2) and generic arguments ({...}, whose
    // own dots would be taken for the qualified name's).
    private static string WithoutSignature(string qualified)
    {
        StringBuilder name = new(qualified.Length);
        int depth = 0;
        for (int i = 0; i < qualified.Length && (depth > 0 || qualified[i] is not ('(' or '~')); i++)
        {
            char c = qualified[i];
            if (c == '{') depth++;
            else if (c == '}') depth--;
            else if (c == '`') while (i + 1 < qualified.Length && char.IsAsciiDigit(qualified[i + 1])) i++;
            else if (depth == 0) name.Append(c);
        }

        return name.ToString();
    }
}
