using System.Buffers.Binary;
using Vlc.Formats.Binary;
using Vlc.Vectors;

namespace Vlc.Formats.Faiss;

/// <summary>
/// Index files that FAISS's write_index makes, where they hold the vectors themselves: flat, in inverted lists, under a graph, under an
/// identifier map, after transforms that can be inverted. Indexes of compressed codes are refused by name.
/// </summary>
internal sealed class FaissFormat : VectorFileFormat
{
    public const string Hint =
        "VLC reads IndexFlat, IndexHNSWFlat, IndexIVFFlat, IndexScalarQuantizer of 8 or 16 bits, IndexIDMap and IndexPreTransform. "
        + "Index the original vectors, or what FAISS makes of its codes: numpy.save('v.npy', index.reconstruct_n(0, index.ntotal)).";

    // The deepest that FAISS itself builds is IDMap, PreTransform, HNSW, storage.
    private const int MaxDepth = 8;

    // The header's two unused fields have this value in every file that FAISS has written.
    private const long Unused = 1 << 20;

    // Two matrices of 8,192 x 8,192 are 512 MB; the largest model's embeddings have half as many dimensions.
    private const int MaxTransformDimension = 8_192;

    public override string Name => "faiss";

    public override IReadOnlyList<string> Extensions { get; } = [".faiss", ".index", ".faissindex"];

    /// <summary>The head of an index: its kind, a dimension, a count, and two fields that always have the same value.</summary>
    public override Recognition Recognize(FileSample sample) =>
        sample.Head.Length >= 33 && sample.Head[0] == (byte)'I' && BinaryPrimitives.ReadInt64LittleEndian(sample.Head[16..]) == Unused
        && BinaryPrimitives.ReadInt64LittleEndian(sample.Head[24..]) == Unused ? Recognition.Certain : Recognition.None;

    public override VectorSource Open(string path, VectorFileOptions options)
    {
        InputFile file = new(path);
        try
        {
            FaissCursor cursor = new(file);
            FaissRows rows = ReadIndex(cursor, depth: 0);
            if (cursor.Position != file.Length)
            {
                throw new VlcFormatException(
                    path, $"offset {cursor.Position}", "the end of the file", $"{file.Length - cursor.Position} bytes more",
                    "The file is damaged.");
            }

            VectorShape.ThrowIfAbsurd(path, "header", rows.Count, rows.Dimension);
            return new FaissVectors(file, rows);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static FaissRows ReadIndex(FaissCursor cursor, int depth)
    {
        if (depth > MaxDepth) throw Unexpected(cursor, cursor.Position, $"at most {MaxDepth} indexes within one another", "more");
        long at = cursor.Position;
        string kind = cursor.TakeFourCharacters("the kind of index");
        return kind switch
        {
            "IxFI" or "IxF2" or "IxFl" => ReadFlat(cursor),
            "IxSQ" => ReadScalarQuantizer(cursor),
            "IHNf" or "IHNs" or "IHNc" => ReadGraph(cursor, kind, depth),
            "IwFl" => ReadInvertedLists(cursor, depth),
            "IxMp" or "IxM2" => ReadIdentifierMap(cursor, depth),
            "IxPT" => ReadPreTransform(cursor, depth),
            _ => throw new VlcFormatException(
                cursor.File.Path, $"offset {at}", "a FAISS index that holds its vectors", FaissKinds.NameOf(kind), Hint),
        };
    }

    private static (int Dimension, long Count, string Metric) ReadHeader(FaissCursor cursor)
    {
        long at = cursor.Position;
        int dimension = cursor.TakeInt32("dimension");
        long count = cursor.TakeInt64("ntotal");
        if (cursor.TakeInt64("an unused field") != Unused || cursor.TakeInt64("an unused field") != Unused)
        {
            throw Unexpected(cursor, at, $"an index header, with {Unused} twice after the count", "other values");
        }

        cursor.TakeByte("is_trained");
        int metric = cursor.TakeInt32("metric");
        if (metric > 1) cursor.TakeSingle("metric_arg");
        if (dimension is < 1 or > VectorShape.MaxDimension || count < 0)
        {
            throw Unexpected(cursor, at, $"a dimension of 1 to {VectorShape.MaxDimension} and a count", $"{dimension} and {count}");
        }

        return (dimension, count, metric switch { 0 => "inner product", 1 => "L2", _ => $"number {metric} of FAISS's metrics" });
    }

    private static FaissRows ReadFlat(FaissCursor cursor)
    {
        (int dimension, long count, string metric) = ReadHeader(cursor);
        // The vector of codes is counted in floats, whatever its bytes are called in memory.
        return Contiguous(cursor, dimension, count, metric, FaissCodes.Flat, countedBytes: sizeof(float));
    }

    private static FaissRows ReadScalarQuantizer(FaissCursor cursor)
    {
        (int dimension, long count, string metric) = ReadHeader(cursor);
        FaissCodes codes = FaissCodes.Read(cursor, dimension);
        FaissRows rows = Contiguous(cursor, dimension, count, metric, codes, countedBytes: 1);
        if (codes.Minimum is not null)
        {
            rows.Notes.Add("The index keeps 8 bits a component: these are the vectors as FAISS decodes them, not the originals.");
        }
        return rows;
    }

    private static FaissRows Contiguous(FaissCursor cursor, int dimension, long count, string metric, FaissCodes codes, int countedBytes)
    {
        (long offset, long elements) = cursor.PassVector(countedBytes, "the vectors");
        if ((Int128)elements * countedBytes != (Int128)count * dimension * codes.ComponentBytes)
        {
            throw Unexpected(
                cursor, offset, $"{count} x {dimension} components of {codes.ComponentBytes} bytes",
                $"{elements} elements of {countedBytes} bytes");
        }

        return new FaissRows(dimension, codes, [new FaissBlock(0, count, offset, null)])
        {
            Notes = { $"The index compares by {metric}; VLC is told the metric when the index is made." },
        };
    }

    private static FaissRows ReadGraph(FaissCursor cursor, string kind, int depth)
    {
        (int dimension, long count, _) = ReadHeader(cursor);
        if (kind == "IHNc") cursor.Pass(sizeof(byte) + sizeof(byte) + sizeof(int), "the graph's options");
        cursor.PassVector(sizeof(double), "assign_probas");
        cursor.PassVector(sizeof(int), "cum_nneighbor_per_level");
        cursor.PassVector(sizeof(int), "levels");
        cursor.PassVector(sizeof(long), "offsets");
        cursor.PassVector(sizeof(int), "neighbors");
        // entry_point, max_level, efConstruction, efSearch, upper_beam.
        cursor.Pass(5 * sizeof(int), "the graph's parameters");
        FaissRows rows = ReadIndex(cursor, depth + 1);
        ThrowUnlessSame(cursor, rows, dimension, count);
        return rows;
    }

    private static FaissRows ReadIdentifierMap(FaissCursor cursor, int depth)
    {
        (int dimension, long count, _) = ReadHeader(cursor);
        FaissRows rows = ReadIndex(cursor, depth + 1);
        ThrowUnlessSame(cursor, rows, dimension, count);
        (long offset, long ids) = cursor.PassVector(sizeof(long), "the identifiers");
        if (ids != count) throw Unexpected(cursor, offset, $"{count} identifiers", $"{ids}");
        rows.IdentifierMaps.Add(offset);
        return rows;
    }

    private static FaissRows ReadPreTransform(FaissCursor cursor, int depth)
    {
        (int dimension, long count, _) = ReadHeader(cursor);
        long at = cursor.Position;
        int transforms = cursor.TakeInt32("the number of transforms");
        if (transforms is < 0 or > MaxDepth) throw Unexpected(cursor, at, $"0 to {MaxDepth} transforms", $"{transforms}");
        List<FaissTransform> chain = [];
        int current = dimension;
        for (int i = 0; i < transforms; i++)
        {
            at = cursor.Position;
            FaissTransform transform = ReadTransform(cursor);
            if (transform.Input != current)
            {
                throw Unexpected(cursor, at, $"a transform of dimension {current}", $"one of {transform.Input}");
            }
            if (transform is NormalizationTransform && chain.Exists(before => !before.IsRotation))
            {
                throw Unexpected(
                    cursor, at, "a transform that can be inverted", "a normalization after a shift, which loses the vectors", Hint);
            }

            chain.Add(transform);
            current = transform.Output;
        }

        FaissRows rows = ReadIndex(cursor, depth + 1);
        ThrowUnlessSame(cursor, rows, current, count);
        rows.Undo.InsertRange(0, chain);
        rows.Dimension = dimension;
        if (chain.Exists(transform => transform is NormalizationTransform))
        {
            rows.Notes.Add("The index keeps vectors of length 1: the original lengths are lost.");
        }
        if (chain.Exists(transform => transform is not NormalizationTransform))
        {
            rows.Notes.Add("The index's transforms were inverted; rounding apart, these are the original vectors.");
        }
        return rows;
    }

    private static FaissTransform ReadTransform(FaissCursor cursor)
    {
        long at = cursor.Position;
        string kind = cursor.TakeFourCharacters("the kind of transform");
        switch (kind)
        {
            case "rrot" or "LTra":
                return ReadLinear(cursor, at);
            case "PCAm" or "PcAm" or "Pcam":
                cursor.TakeSingle("eigen_power");
                if (kind == "Pcam") cursor.TakeSingle("epsilon");
                cursor.TakeByte("random_rotation");
                if (kind != "PCAm") cursor.TakeInt32("balanced_bins");
                cursor.PassVector(sizeof(float), "the mean");
                cursor.PassVector(sizeof(float), "the eigenvalues");
                cursor.PassVector(sizeof(float), "the principal components");
                return ReadLinear(cursor, at);
            case "VCnt":
                float[] mean = cursor.TakeVector<float>(VectorShape.MaxDimension, "the mean");
                (int input, int output) = ReadDimensions(cursor, at, square: true);
                return mean.Length == input
                    ? new CenteringTransform(mean) { Input = input, Output = output }
                    : throw Unexpected(cursor, at, $"a mean of dimension {input}", $"{mean.Length} values");
            case "VNrm":
                float norm = cursor.TakeSingle("the norm");
                if (norm != 2f) throw Unexpected(cursor, at, "a normalization by the L2 norm", $"one by the L{norm} norm", Hint);
                (input, output) = ReadDimensions(cursor, at, square: true);
                return new NormalizationTransform { Input = input, Output = output };
            case "RmDT":
                int[] map = cursor.TakeVector<int>(VectorShape.MaxDimension, "the map of dimensions");
                (input, output) = ReadDimensions(cursor, at, square: false);
                if (map.Length != output || Enumerable.Range(0, input).Except(map).Any() || map.Any(from => from < -1 || from >= input))
                {
                    throw Unexpected(cursor, at, "a map that keeps every dimension", $"one of {input} to {output} that does not", Hint);
                }

                return new RemapTransform(map) { Input = input, Output = output };
            default:
                string name = kind switch { "Viqm" or "Viqt" => "ITQTransform", _ => $"the transform '{kind}'" };
                throw Unexpected(cursor, at, "a transform that can be inverted", name, Hint);
        }
    }

    private static OrthogonalTransform ReadLinear(FaissCursor cursor, long at)
    {
        bool hasBias = cursor.TakeByte("have_bias") != 0;
        float[] matrix = cursor.TakeVector<float>((long)MaxTransformDimension * MaxTransformDimension, "the transform's matrix");
        float[] bias = cursor.TakeVector<float>(VectorShape.MaxDimension, "the transform's bias");
        (int input, int output) = ReadDimensions(cursor, at, square: false);
        if (matrix.LongLength != (long)input * output || (hasBias && bias.Length != output))
        {
            throw Unexpected(cursor, at, $"a matrix of {output} x {input}", $"{matrix.Length} values and a bias of {bias.Length}");
        }

        if (output < input)
        {
            throw Unexpected(cursor, at, "a transform that can be inverted", $"one that reduces {input} dimensions to {output}", Hint);
        }

        OrthogonalTransform transform = new(matrix, hasBias ? bias : null) { Input = input, Output = output };
        return transform.IsOrthonormal()
            ? transform
            : throw Unexpected(cursor, at, "a transform that can be inverted exactly", "a matrix that is not orthogonal", Hint);
    }

    private static (int Input, int Output) ReadDimensions(FaissCursor cursor, long at, bool square)
    {
        int input = cursor.TakeInt32("d_in"), output = cursor.TakeInt32("d_out");
        cursor.TakeByte("is_trained");
        return input is >= 1 and <= MaxTransformDimension && output is >= 1 and <= MaxTransformDimension && (!square || input == output)
            ? (input, output)
            : throw Unexpected(cursor, at, $"a transform of dimensions up to {MaxTransformDimension}", $"{input} to {output}");
    }

    private static FaissRows ReadInvertedLists(FaissCursor cursor, int depth)
    {
        (int dimension, long count, string metric) = ReadHeader(cursor);
        long nlist = cursor.TakeInt64("nlist");
        cursor.TakeInt64("nprobe");
        // The coarse quantizer: an index of the centroids, of any kind that is read.
        ReadIndex(cursor, depth + 1);
        PassDirectMap(cursor);
        long at = cursor.Position;
        string kind = cursor.TakeFourCharacters("the kind of inverted lists");
        if (kind != "ilar")
        {
            throw Unexpected(
                cursor, at, "inverted lists in the file", kind == "il00" ? "none: they were left out" : $"lists of the kind '{kind}'",
                kind == "ilod" ? "The vectors lie in a file of their own; merge the lists into the index." : Hint);
        }

        long lists = cursor.TakeInt64("the number of lists"), codeSize = cursor.TakeInt64("the lists' code size");
        if (lists != nlist || codeSize != (long)dimension * sizeof(float))
        {
            throw Unexpected(cursor, at, $"{nlist} lists of {dimension} floats a row", $"{lists} lists of {codeSize} bytes a row");
        }

        List<FaissBlock> blocks = [];
        long rows = 0;
        foreach (long size in ReadSizes(cursor, lists))
        {
            if (size < 0 || size > count - rows)
            {
                throw Unexpected(cursor, at, $"{count} rows in all lists", $"a list of {size} after {rows} rows");
            }
            if (size == 0) continue;
            long codes = cursor.Position;
            cursor.Pass((Int128)size * codeSize, "a list's vectors");
            blocks.Add(new FaissBlock(rows, size, codes, cursor.Position));
            cursor.Pass((Int128)size * sizeof(long), "a list's identifiers");
            rows += size;
        }

        if (rows != count) throw Unexpected(cursor, at, $"{count} rows in all lists", $"{rows}");
        return new FaissRows(dimension, FaissCodes.Flat, blocks)
        {
            Notes =
            {
                $"The index compares by {metric}; VLC is told the metric when the index is made.",
                "Rows come list by list, as they lie in the file; the keys are the identifiers under which they were added.",
            },
        };
    }

    private static void PassDirectMap(FaissCursor cursor)
    {
        byte type = cursor.TakeByte("the kind of direct map");
        cursor.PassVector(sizeof(long), "the direct map");
        if (type == 2) cursor.PassVector(2 * sizeof(long), "the direct map's table");
    }

    /// <summary>The length of each list: all of them, or, where most are empty, pairs of a list's number and its length.</summary>
    private static long[] ReadSizes(FaissCursor cursor, long lists)
    {
        long at = cursor.Position;
        string kind = cursor.TakeFourCharacters("the kind of list sizes");
        if (kind is not ("full" or "sprs")) throw Unexpected(cursor, at, "list sizes, 'full' or 'sprs'", $"'{kind}'");
        if (lists < 0 || lists > cursor.File.Length) throw Unexpected(cursor, at, "a number of lists that the file can hold", $"{lists}");
        long[] stored = cursor.TakeVector<long>(2 * lists, "the list sizes");
        if (kind == "full" && stored.Length == lists) return stored;
        long[] sizes = new long[lists];
        for (int i = 0; i + 1 < stored.Length; i += 2)
        {
            if (kind == "full" || stored[i] < 0 || stored[i] >= lists)
            {
                throw Unexpected(cursor, at, $"sizes of {lists} lists", $"{stored.Length} values");
            }
            sizes[stored[i]] = stored[i + 1];
        }

        return stored.Length % 2 == 0 ? sizes : throw Unexpected(cursor, at, "pairs of list and size", $"{stored.Length} values");
    }

    private static void ThrowUnlessSame(FaissCursor cursor, FaissRows rows, int dimension, long count)
    {
        if (rows.Dimension != dimension || rows.Count != count)
        {
            throw Unexpected(cursor, cursor.Position, $"{count} rows of dimension {dimension} within", $"{rows.Count} of {rows.Dimension}");
        }
    }

    private static VlcFormatException Unexpected(
        FaissCursor cursor, long at, string expected, string found, string hint = "The file is damaged.") =>
        new(cursor.File.Path, $"offset {at}", expected, found, hint);
}
