using Vlc.Formats;
using Vlc.Vectors;

namespace Vlc.Bench;

/// <summary>One of the four real sets in ../shared/data beside the repository.</summary>
internal sealed record RealSet(string Name, string BaseFile, string QueryFile, Metric Metric)
{
    private static readonly RealSet[] s_all =
    [
        new("words", "words-64k-200d.base.npy", "words-64k-200d.query.npy", Metric.Cosine),
        new("paragraphs", "paragraphs-60k-384d.base.npy", "paragraphs-60k-384d.query.npy", Metric.Cosine),
        new("mnist", "mnist-30k-784d.base.npy", "mnist-784d.query.npy", Metric.L2),
        new("sift", "sift-photos-300k.base.bvecs", "sift-photos.query.bvecs", Metric.L2),
    ];

    /// <summary>The folder that holds Vlc.slnx.</summary>
    public static string Root { get; } = FindRoot();

    public string BasePath => Path.Combine(Root, "..", "shared", "data", BaseFile);

    public string QueryPath => Path.Combine(Root, "..", "shared", "data", QueryFile);

    /// <summary>The named sets, or all. Sets whose files are absent are left out and reported.</summary>
    public static IEnumerable<RealSet> Chosen(string[] names)
    {
        foreach (RealSet set in s_all.Where(set => names.Length == 0 || names.Contains(set.Name)))
        {
            if (File.Exists(set.BasePath) && File.Exists(set.QueryPath)) yield return set;
            else Console.Error.WriteLine($"{set.Name} is left out: ../shared/data/{set.BaseFile} or {set.QueryFile} is absent");
        }
    }

    public static float[] ReadAll(string path)
    {
        using VectorSource source = VectorFiles.Open(path);
        var rows = new float[source.Count * source.Dimension];
        source.Read(0, (int)source.Count, rows);
        return rows;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Vlc.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"No Vlc.slnx above {AppContext.BaseDirectory}.");
    }
}
