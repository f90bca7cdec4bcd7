using Vlc.Formats.Text;

namespace Vlc.Formats.Hdf5;

/// <summary>Which dataset is the vectors, and which of one dimension beside it are the keys and the payload.</summary>
internal sealed class Hdf5Choice
{
    private const string DefaultDataset = "train";

    private readonly List<string> _notes = [];

    /// <exception cref="VlcFormatException">There is no such dataset, or there are several and none is named.</exception>
    public Hdf5Choice(string path, Hdf5Objects objects, VectorFileOptions options)
    {
        All = objects.Datasets();
        Vectors = ChooseVectors(path, objects, options.Dataset);
        long rows = Vectors.Extents is [var extent, ..] ? extent : 0;
        Dataset[] beside = [.. All.Where(dataset => FolderOf(dataset) == FolderOf(Vectors) && Hdf5Column.Fits(dataset, rows))];
        Key = options.KeyColumn switch
        {
            "" => null,
            null => Array.Find(beside, dataset => ColumnNames.IsKey(Hdf5Column.NameOf(dataset))),
            var name => Array.Find(beside, dataset => dataset.Name == name || Hdf5Column.NameOf(dataset) == name)
                ?? throw new VlcFormatException(
                    path, "file", $"a dataset '{name}' of one dimension beside '{Vectors.Name}'", Describe(beside)),
        };
        Payload = [.. beside.Where(dataset => dataset != Key)];
        Explain();
    }

    /// <summary>Every dataset that the file names itself.</summary>
    public IReadOnlyList<Dataset> All { get; }

    public Dataset Vectors { get; }

    public Dataset? Key { get; }

    public IReadOnlyList<Dataset> Payload { get; }

    public IReadOnlyList<string> Notes => _notes;

    private Dataset ChooseVectors(string path, Hdf5Objects objects, string? name)
    {
        if (objects.Find(name ?? DefaultDataset) is { } header && Dataset.From(header, name ?? DefaultDataset) is { } named) return named;
        Dataset[] matrices = [.. All.Where(dataset => dataset.Extents.Count == 2 && dataset.Type.ElementType is not null)];
        if (name is null && matrices is [Dataset only])
        {
            _notes.Add($"The vectors are dataset '{only.Name}', the only one of two dimensions and numbers.");
            return only;
        }

        throw new VlcFormatException(
            path, "file", name is null ? $"a dataset '{DefaultDataset}', or one two-dimensional dataset of numbers" : $"a dataset '{name}'",
            Describe(All), "Name the dataset with --dataset.");
    }

    private void Explain()
    {
        Dataset[] left = [.. All.Where(dataset => dataset.Name != Vectors.Name.Trim('/') && dataset != Key && !Payload.Contains(dataset))];
        List<string> parts = [];
        if (Key is not null) parts.Add($"the key is '{Key.Name}'");
        if (Payload.Count > 0) parts.Add($"payload is {Listed(Payload)}");
        if (left.Length > 0) parts.Add($"left is {Listed(left)}");
        if (parts.Count > 0) _notes.Add($"Beside dataset '{Vectors.Name}': {string.Join(", ", parts)}.");

        static string Listed(IReadOnlyList<Dataset> datasets)
        {
            const int shown = 6;
            string names = string.Join(", ", datasets.Take(shown).Select(dataset => $"'{dataset.Name}'"));
            return datasets.Count > shown ? $"{names} and {datasets.Count - shown} more" : names;
        }
    }

    private static string FolderOf(Dataset dataset)
    {
        string path = dataset.Name.Trim('/');
        return path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";
    }

    private static string Describe(IReadOnlyList<Dataset> datasets)
    {
        const int shown = 16;
        string names = string.Join(", ", datasets.Take(shown).Select(dataset => $"'{dataset.Name}' {dataset.Description}"));
        return datasets.Count == 0 ? "none" : datasets.Count > shown ? $"{names} and {datasets.Count - shown} more" : names;
    }
}
