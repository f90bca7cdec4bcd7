using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;
using Vlc.Codecs;

namespace Vlc.Gpu;

/// <summary>Codes of a number an axis (int8, f16), or no codes.</summary>
internal sealed class ScalarLayout : IScanLayout
{
    private readonly ScalarCodes _codes;
    private readonly int _parts;
    private readonly Action<AcceleratorStream, KernelConfig, ScalarScanCodes, ScanQueries, ScanWork> _measure;
    private ScalarScanCodes _view;

    /// <exception cref="ArgumentException">
    /// The codec's codes are not scalars, or it needs more shared memory than the device has.
    /// </exception>
    public ScalarLayout(GpuBackend backend, ScalarCodes codes)
    {
        _codes = codes;
        bool product = codes.Metric == Metric.InnerProduct;
        (_parts, Action<ScalarScanCodes, ScanQueries, ScanWork> kernel) = codes.Codec switch
        {
            CodecKind.Int8 => (ScalarKernel.ByteParts, product ? ScalarKernel.ByteProducts : ScalarKernel.ByteDistances),
            CodecKind.Float16 => (ScalarKernel.HalfParts, product ? ScalarKernel.HalfProducts : ScalarKernel.HalfDistances),
            CodecKind.None => (
                ScalarKernel.AnchorParts,
                (Action<ScalarScanCodes, ScanQueries, ScanWork>)(product ? ScalarKernel.AnchorProducts : ScalarKernel.AnchorDistances)),
            _ => throw new ArgumentException($"Codec {codes.Codec} has no scalar codes.", nameof(codes)),
        };
        int shared = codes.Codec switch
        {
            CodecKind.Int8 => ScalarKernel.ByteSharedBytes,
            CodecKind.Float16 => ScalarKernel.HalfSharedBytes,
            _ => 0,
        };
        if (backend.Device.SharedBytes < shared)
        {
            throw new ArgumentException(
                $"{backend.Name} has {backend.Device.SharedBytes} bytes of shared memory a group; a search of codec {codes.Codec} needs "
                + $"{shared}. Search on the processor.", nameof(codes));
        }

        _measure = backend.LoadScalarScan(kernel, _parts);
    }

    public int ListCount => _codes.ListStarts.Length - 1;

    /// <summary>Without codes a query is compared with a list's anchor once a tile, not once a row.</summary>
    public int MostAxes => _codes.Codes is null ? (_codes.Dimension + ScanKernel.Tile - 1) / ScanKernel.Tile : _codes.Axes.Length;

    public int CoordinateCount => _codes.Dimension;

    public int GroupCount => 0;

    public bool IsBigEndian => false;

    private int PaddedAxes => (_codes.Axes.Length + ScanKernel.Lanes - 1) / ScanKernel.Lanes * ScanKernel.Lanes;

    public ReadOnlySpan<int> Rows(int list) => _codes.Rows.Span[_codes.ListStarts.Span[list].._codes.ListStarts.Span[list + 1]];

    public int RowBytes(int list) => _codes.Codes?.RowBytes ?? 0;

    /// <summary>Whole rounds of 16 axes: the kernel reads no fewer.</summary>
    public int RowWords(int list) => _codes.Codes is null ? 0 : PaddedAxes * (_codes.Codes.RowBytes / _codes.Axes.Length) / sizeof(uint);

    public ReadOnlySpan<byte> Code(int list, int position) => _codes.Codes!.Row(Rows(list)[position]);

    public void Measure(AcceleratorStream stream, int groups, ScanQueries queries, ScanWork work) =>
        _measure(stream, new KernelConfig(groups, _parts * ScanKernel.Tile), _view, queries, work);

    public void Upload(DeviceBuffers buffers)
    {
        var axes = new int[PaddedAxes];
        _codes.Axes.CopyTo(axes);
        int[] others = [.. Enumerable.Range(0, _codes.Dimension).Except(_codes.Axes.ToArray())];
        _view = new ScalarScanCodes
        {
            Axes = buffers.Upload<int>(axes).View,
            Others = buffers.Upload<int>(others).View,
            Scales = buffers.Upload(_codes.Scales.Span).View,
            Anchors = buffers.Upload(_codes.Anchors.Span).View,
            Dimension = _codes.Dimension,
            AxisCount = _codes.Axes.Length,
            OtherCount = others.Length,
            ScaleStride = _codes.Scales.IsEmpty ? -1 : _codes.Scales.Length > PaddedAxes ? PaddedAxes : 0,
        };
    }
}
