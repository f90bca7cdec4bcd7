using Vlc.Indexing;
using Vlc.Search;

namespace Vlc.Cli.Demo;

/// <summary>Answers questions in words from the compressed index, with the names of members.</summary>
internal sealed class MemberAnswers(VlcIndex index, DocumentEmbedding embedding, IEnumerable<DocumentedMember> members)
{
    private const int NamesShown = 5;

    // Overloads share a name: five names may need this many rows.
    private const int RowsSearched = 60;

    private readonly Dictionary<string, string> _summaries = members.ToDictionary(
        member => member.Id, member => member.Summary, StringComparer.Ordinal);

    /// <summary>The members that answer a question best; overloads are one line.</summary>
    public DemoAnswer To(string question)
    {
        float[] vector;
        try
        {
            vector = embedding.Embed(question);
        }
        catch (ArgumentException exception)
        {
            return new DemoAnswer(question, CommandFailure.Of(exception).Message, []);
        }

        var ids = new int[Math.Min(RowsSearched, index.Count)];
        var scores = new float[ids.Length];
        int found = index.Search(vector, ids, scores);
        List<DemoMember> answers = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < found && answers.Count < NamesShown; i++)
        {
            string id = embedding.MemberIds[ids[i]];
            string name = NameOf(id);
            if (names.Add(name)) answers.Add(new DemoMember(name, id, scores[i], _summaries[id]));
        }

        return new DemoAnswer(question, null, [.. answers]);
    }

    private static string NameOf(string id)
    {
        DocumentationId parts = DocumentationId.Parse(id);
        return string.Join('.', new[] { parts.Namespace, parts.Type, parts.Member }.Where(part => part.Length > 0));
    }
}

/// <summary>A question and what answers it.</summary>
/// <param name="Question">As asked.</param>
/// <param name="Problem">Why there is no answer, or null.</param>
/// <param name="Members">Best first.</param>
internal sealed record DemoAnswer(string Question, string? Problem, DemoMember[] Members);

/// <summary>A member that answers.</summary>
/// <param name="Name">Namespace, type and member.</param>
/// <param name="Id">Documentation comment id of the best overload.</param>
/// <param name="Score">Cosine.</param>
/// <param name="Summary">What its documentation says first.</param>
internal sealed record DemoMember(string Name, string Id, float Score, string Summary);
