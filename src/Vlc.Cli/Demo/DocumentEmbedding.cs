using System.Numerics.Tensors;
using Vlc.Codecs;

namespace Vlc.Cli.Demo;

/// <summary>
/// Latent semantic analysis of documented members: TF-IDF rows projected onto their leading right singular vectors and
/// scaled to unit length. The singular vectors stay, so that a question is folded into the same space.
/// </summary>
/// <remarks>
/// Some members are held out as queries for measuring recall; none of them has the same terms as a row of the base.
/// </remarks>
internal sealed class DocumentEmbedding
{
    /// <summary>Members wanted as queries; a corpus too small for that gives a tenth of its members at most.</summary>
    public const int DefaultHeldOut = 1000;

    /// <summary>
    /// Favours the directions that many members share over those that a few make up; found by the same trials as the weights.
    /// </summary>
    private const double SingularValuePower = 0.3;

    private readonly HashedTfIdf _termWeights;
    private readonly float[] _termBasis;
    private readonly float[] _rows;

    private DocumentEmbedding(HashedTfIdf termWeights, float[] termBasis, float[] rows, string[] memberIds, int dimension)
    {
        (_termWeights, _termBasis, _rows) = (termWeights, termBasis, rows);
        (MemberIds, Dimension) = (memberIds, dimension);
    }

    /// <summary>Components of a vector.</summary>
    public int Dimension { get; }

    /// <summary>Documentation comment id of each row of <see cref="Rows"/>.</summary>
    public IReadOnlyList<string> MemberIds { get; }

    /// <summary>The base: one unit-length row for each of <see cref="MemberIds"/>.</summary>
    public ReadOnlyMemory<float> Rows => _rows.AsMemory(0, MemberIds.Count * Dimension);

    /// <summary>Unit-length rows of the members held out as queries.</summary>
    public ReadOnlyMemory<float> HeldOutRows => _rows.AsMemory(MemberIds.Count * Dimension);

    /// <summary>Embeds <paramref name="members"/>. The same arguments give the same bytes on any number of threads.</summary>
    /// <param name="members">What to embed; not empty.</param>
    /// <param name="dimension">Components of a vector.</param>
    /// <param name="seed">Of the randomised SVD.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="progress">Told the current phase and how much of it is done, from 0 to 1.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">No term tells one member from another.</exception>
    public static DocumentEmbedding Build(
        IReadOnlyList<DocumentedMember> members, int dimension, ulong seed, int threads,
        Action<string, double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(members.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };

        progress?.Invoke("weigh terms", 0.0);
        (HashedTfIdf termWeights, SparseMatrix documents) = HashedTfIdf.Fit(members.Count, i => Fields(members[i]), parallel);
        progress?.Invoke("weigh terms", 1.0);

        TruncatedSvd svd = RandomizedSvd.Compute(
            documents, dimension, seed, parallel, done => progress?.Invoke("find latent dimensions", done));
        if (svd.SingularValues[0] <= 0.0)
        {
            throw new ArgumentException("No term tells one member from another; there is nothing to embed.", nameof(members));
        }

        progress?.Invoke("project", 0.0);
        float[] basis = ScaledTermBasis(svd);
        HoldOutSplit split = HoldOutSplit.Of(documents, Math.Min(DefaultHeldOut, members.Count / 10));
        int[] order = [.. split.Base, .. split.Queries];
        float[] rows = new float[checked(order.Length * dimension)];
        Parallel.For(0, order.Length, parallel, i =>
            Project(documents.Row(order[i]), basis, rows.AsSpan(i * dimension, dimension)));
        progress?.Invoke("project", 1.0);

        string[] ids = [.. split.Base.Select(i => members[i].Id)];
        return new DocumentEmbedding(termWeights, basis, rows, ids, dimension);
    }

    /// <summary>Embeds a question in words; unit length.</summary>
    /// <exception cref="ArgumentException">The question is empty, or the documentation knows none of its words.</exception>
    public float[] Embed(string question)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(question);
        float[] vector = new float[Dimension];

        // Words alone first: the kind of member wanted is known to every corpus and would answer for an unknown word.
        bool known = Project(_termWeights.Transform(new TextField(question, 1f)).Row(0), _termBasis, vector);
        Array.Clear(vector);
        if (!known || !Project(_termWeights.Transform(new(question, 1f), new(KindTerm('M'), 3f)).Row(0), _termBasis, vector))
        {
            throw new ArgumentException(
                $"None of the words of \"{question}\" occurs in the documentation; ask in other words.", nameof(question));
        }

        return vector;
    }

    // A member is found by what it is called before what is said about it; its namespace is context, shared by hundreds.
    // The weights come from trials on thirty questions, by the share with a fitting answer among the first five; the
    // optimum is flat.
    private static TextField[] Fields(DocumentedMember member)
    {
        DocumentationId id = DocumentationId.Parse(member.Id);
        return
        [
            new(id.Member, 3f),
            new(id.Type, 2f),
            new(id.Namespace, 0.25f),
            new(member.Summary, 2f),
            new(member.Details, 1f),
            new(KindTerm(member.Id[0]), 12f),
        ];
    }

    // One term for each kind of member, in letters that no text has. Someone who asks wants a method first, and
    // without this the terse documentation of an enumeration's fields ("The connection is open.") beats every method's.
    private static string KindTerm(char kind) => $"\u00f8{char.ToLowerInvariant(kind)}";

    // V·S^p: folds term weights into the latent space.
    private static float[] ScaledTermBasis(TruncatedSvd svd)
    {
        float[] scale = [.. svd.SingularValues.Select(value => (float)Math.Pow(value / svd.SingularValues[0], SingularValuePower))];
        float[] basis = [.. svd.RightVectors];
        for (int row = 0; row < basis.Length; row += scale.Length)
        {
            Span<float> vector = basis.AsSpan(row, scale.Length);
            TensorPrimitives.Multiply(vector, scale, vector);
        }

        return basis;
    }

    // False, and zero, for a row without terms or outside the latent space.
    private static bool Project(SparseRow row, float[] basis, Span<float> target)
    {
        int dimension = target.Length;
        for (int i = 0; i < row.Columns.Length; i++)
        {
            TensorPrimitives.MultiplyAdd(basis.AsSpan(row.Columns[i] * dimension, dimension), row.Values[i], target, target);
        }

        float norm = TensorPrimitives.Norm<float>(target);
        if (norm > 0f) TensorPrimitives.Divide(target, norm, target);
        return norm > 0f;
    }
}
