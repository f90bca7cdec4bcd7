using PureHDF;
using PureHDF.VOL.Native;
using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>HDF5 as ann-benchmarks ships it: a two-dimensional dataset of numbers, <c>train</c> unless the options name another.</summary>
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
        Superblock.ThrowIfDamaged(path);
        string name = options.Dataset ?? DefaultDataset;
        NativeFile? file = null;
        try
        {
            file = ForeignFailure.Rethrow(path, "file", () => H5File.OpenRead(path));
            IH5Object? found = ForeignFailure.Rethrow(path, $"dataset '{name}'", () => file.LinkExists(name) ? file.Get(name) : null);
            if (found is not NativeDataset dataset)
            {
                throw new VlcFormatException(path, "file", $"a dataset '{name}'", Contents(path, file), "Name the dataset.");
            }

            return new Hdf5Vectors(path, name, file, dataset);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    private static string Contents(string path, NativeFile file)
    {
        const int shown = 16;
        string[] names = ForeignFailure.Rethrow(
            path, "root group", () => file.Children().Take(shown).Select(child => $"'{child.Name}'").ToArray());
        return names.Length == 0 ? "an empty root group" : string.Join(", ", names);
    }
}
