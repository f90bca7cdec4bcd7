using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// HDF5, read by this assembly itself: a two-dimensional dataset of numbers. Unless the options name one, it is <c>train</c>, as
/// ann-benchmarks calls it, or else the only one.
/// </summary>
public sealed class Hdf5Format : VectorFileFormat
{
    private const string DefaultDataset = "train";

    private Hdf5Format()
    {
    }

    /// <summary>The format, to add to <see cref="VectorFiles.Default"/>.</summary>
    public static Hdf5Format Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "hdf5";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Extensions { get; } = [".hdf5", ".h5", ".hdf"];

    /// <inheritdoc/>
    public override Recognition Recognize(FileSample sample) =>
        sample?.Head.StartsWith(FileSignature.Hdf5) == true ? Recognition.Certain : Recognition.None;

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Hdf5Objects objects = new(Hdf5File.Open(path));
        try
        {
            (Dataset dataset, string[] notes) = Choose(path, objects, options.Dataset);
            return new Hdf5Vectors(path, objects, dataset, notes);
        }
        catch
        {
            objects.Dispose();
            throw;
        }
    }

    private static (Dataset Dataset, string[] Notes) Choose(string path, Hdf5Objects objects, string? name)
    {
        if (objects.Find(name ?? DefaultDataset) is { } header && Dataset.From(header, name ?? DefaultDataset) is { } named) return (named, []);
        IReadOnlyList<Dataset> all = objects.Datasets();
        Dataset[] matrices = [.. all.Where(dataset => dataset.Extents.Count == 2 && dataset.Type.ElementType is not null)];
        if (name is null && matrices is [Dataset only]) return (only, [$"took dataset '{only.Name}', the only two-dimensional one of numbers"]);
        throw new VlcFormatException(
            path, "file", name is null ? $"a dataset '{DefaultDataset}', or one two-dimensional dataset of numbers" : $"a dataset '{name}'",
            Describe(all), "Name the dataset.");
    }

    private static string Describe(IReadOnlyList<Dataset> datasets)
    {
        const int shown = 16;
        string names = string.Join(", ", datasets.Take(shown).Select(dataset => $"'{dataset.Name}' {dataset.Description}"));
        return datasets.Count == 0 ? "none" : datasets.Count > shown ? $"{names} and {datasets.Count - shown} more" : names;
    }
}
