using System.Numerics.Tensors;
using PureHDF;
using PureHDF.Selections;
using PureHDF.VOL.Native;
using Vlc.Vectors;

namespace Vlc.Formats.Hdf5;

/// <summary>The rows of a two-dimensional dataset, read hyperslab by hyperslab.</summary>
internal sealed class Hdf5Vectors : VectorSource
{
    // Components converted at a time, where the stored type is not float32.
    private const int BlockComponents = 1 << 18;

    // h5py chunks are up to a few megabytes; the library's own cache of 1 MB would decompress each of them once per read.
    private const int ChunkCacheBytes = 64 << 20;
    private const int ChunkCacheSlots = 521;

    private readonly NativeFile _file;
    private readonly NativeDataset _dataset;
    private readonly H5DatasetAccess _access = new(ChunkCache: new SimpleReadingChunkCache(ChunkCacheSlots, ChunkCacheBytes));
    private readonly string _path;
    private readonly string _where;

    /// <summary>Takes ownership of <paramref name="file"/> once it returns.</summary>
    public Hdf5Vectors(string path, string name, NativeFile file, NativeDataset dataset)
    {
        _path = path;
        _where = $"dataset '{name}'";
        _file = file;
        _dataset = dataset;
        ulong[] extents = ForeignFailure.Rethrow(path, _where, () => dataset.Space.Dimensions);
        if (extents.Length != 2)
        {
            throw new VlcFormatException(
                path, _where, "two dimensions (rows, components)", $"{extents.Length}: ({string.Join(", ", extents)})");
        }

        VectorShape.ThrowIfAbsurd(path, _where, Saturate(extents[0]), Saturate(extents[1]));
        Count = Saturate(extents[0]);
        Dimension = (int)extents[1];
        ElementType = TypeOf(dataset) ?? throw new VlcFormatException(
            path, _where, "numbers of type f2, f4, f8, u1, i1 or i4",
            ForeignFailure.Rethrow(path, _where, () => $"{dataset.Type.Class} of {dataset.Type.Size} bytes"));

        // The last row tells now, and not after an hour of learning, whether the data is there.
        float[] last = new float[Dimension];
        ReadBlock(Count - 1, 1, last);
    }

    public override string Name => _path;

    public override long Count { get; }

    public override int Dimension { get; }

    public override ElementType ElementType { get; }

    public override void Read(long start, int count, Span<float> destination, CancellationToken cancellationToken = default)
    {
        CheckRange(start, count, destination.Length);
        int block = int.Max(1, BlockComponents / Dimension);
        for (int done = 0; done < count; done += block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = int.Min(block, count - done);
            Span<float> target = destination.Slice(done * Dimension, rows * Dimension);
            ReadBlock(start + done, rows, target);
            FiniteCheck.ThrowIfNotFinite(target, Dimension, start + done, Name, place: _ => _where);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _file.Dispose();
        base.Dispose(disposing);
    }

    private static long Saturate(ulong extent) => (long)ulong.Min(extent, long.MaxValue);

    private ElementType? TypeOf(NativeDataset dataset) => ForeignFailure.Rethrow<ElementType?>(
        _path, _where, () => (dataset.Type.Class, dataset.Type.Size) switch
        {
            (H5DataTypeClass.FloatingPoint, 2) => ElementType.Float16,
            (H5DataTypeClass.FloatingPoint, 4) => ElementType.Float32,
            (H5DataTypeClass.FloatingPoint, 8) => ElementType.Float64,
            (H5DataTypeClass.FixedPoint, 1) => dataset.Type.FixedPoint.IsSigned ? ElementType.Int8 : ElementType.UInt8,
            (H5DataTypeClass.FixedPoint, 4) when dataset.Type.FixedPoint.IsSigned => ElementType.Int32,
            _ => null,
        });

    private void ReadBlock(long start, int count, Span<float> destination)
    {
        switch (ElementType)
        {
            case ElementType.Float16: ReadBlock<Half>(start, count, destination); break;
            case ElementType.Float32: ReadBlock<float>(start, count, destination); break;
            case ElementType.Float64: ReadBlock<double>(start, count, destination); break;
            case ElementType.UInt8: ReadBlock<byte>(start, count, destination); break;
            case ElementType.Int8: ReadBlock<sbyte>(start, count, destination); break;
            case ElementType.Int32: ReadBlock<int>(start, count, destination); break;
        }
    }

    private void ReadBlock<T>(long start, int count, Span<float> destination)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        HyperslabSelection rows = new(rank: 2, starts: [(ulong)start, 0], blocks: [(ulong)count, (ulong)Dimension]);
        T[] stored = ForeignFailure.Rethrow(_path, $"{_where}, rows {start} to {start + count - 1}", () =>
        {
            T[] block = new T[count * Dimension];
            _dataset.Read<T>(_access, block.AsSpan(), fileSelection: rows);
            return block;
        });
        TensorPrimitives.ConvertSaturating<T, float>(stored, destination);
    }
}
