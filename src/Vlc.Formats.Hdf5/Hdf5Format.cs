using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>
/// HDF5, read by this assembly itself: a two-dimensional dataset of numbers. Unless the options name one, it is <c>train</c>, as
/// ann-benchmarks calls it, or else the only one.
/// </summary>
public sealed class Hdf5Format : VectorFileFormat
{
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
    public override Recognition Recognize(FileSample sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        for (int start = 0; start < sample.Head.Length; start = start == 0 ? 512 : start * 2)
        {
            if (sample.Head[start..].StartsWith(FileSignature.Hdf5)) return Recognition.Certain;
        }

        return Recognition.None;
    }

    /// <inheritdoc/>
    public override VectorSource Open(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Hdf5Objects objects = new(Hdf5File.Open(path));
        try
        {
            return new Hdf5Vectors(path, objects, new Hdf5Choice(path, objects, options));
        }
        catch
        {
            objects.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<FilePart> List(string path, VectorFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        using Hdf5Objects objects = new(Hdf5File.Open(path));
        Hdf5Choice? choice = null;
        try
        {
            choice = new Hdf5Choice(path, objects, options);
        }
        catch (VlcFormatException)
        {
            // The parts are listed for the option that is missing.
        }

        return [.. (choice?.All ?? objects.Datasets()).Select(dataset => new FilePart(
            dataset.Name, dataset.Type.Description, string.Join(" x ", dataset.Extents),
            choice is null ? PartUse.Left
                : dataset.Name == choice.Vectors.Name.Trim('/') ? PartUse.Vector
                : dataset == choice.Key ? PartUse.Key
                : choice.Payload.Contains(dataset) ? PartUse.Payload : PartUse.Left,
            Selector: dataset.Extents.Count == 2 && dataset.Type.ElementType is not null ? $"--dataset {dataset.Name}" : null))];
    }
}
