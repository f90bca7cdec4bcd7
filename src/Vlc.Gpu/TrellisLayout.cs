using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using Vlc.Compute;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <summary>Trellis codes: bit strings, most significant bit first.</summary>
internal sealed class TrellisLayout : IScanLayout
{
    private readonly TrellisCodes _codes;
    private readonly Action<AcceleratorStream, KernelConfig, ScanCodes, ScanQueries, ScanWork> _measure;
    private ScanCodes _view;

    public TrellisLayout(GpuBackend backend, TrellisCodes codes)
    {
        _codes = codes;
        _measure = backend.LoadScan(
            codes.CountsAsUnitLength ? ScanKernel.Cosines
            : codes.Metric == Metric.InnerProduct ? ScanKernel.Products
            : ScanKernel.Distances);
        foreach (TrellisList list in codes.Lists) MostAxes = Math.Max(MostAxes, list.Axes.Length);
    }

    public int ListCount => _codes.Lists.Count;

    public int MostAxes { get; }

    public int CoordinateCount => _codes.MeanCoordinates.Length;

    public int GroupCount => _codes.GroupCount;

    public bool IsBigEndian => true;

    public ReadOnlySpan<int> Rows(int list) => _codes.Lists[list].Rows.Span;

    public int RowBytes(int list) => _codes.Lists[list].Codes?.RowBytes ?? 0;

    public int RowWords(int list) => (RowBytes(list) + sizeof(uint) - 1) / sizeof(uint);

    public ReadOnlySpan<byte> Code(int list, int position) => _codes.Lists[list].Codes!.Row(position);

    public void Measure(AcceleratorStream stream, int groups, ScanQueries queries, ScanWork work) =>
        _measure(stream, new KernelConfig(groups, ScanKernel.Tile), _view, queries, work);

    public void Upload(DeviceBuffers buffers)
    {
        IReadOnlyList<TrellisList> lists = _codes.Lists;
        var headers = new int[lists.Count * ScanCodes.HeaderInts];
        var squared = new float[lists.Count];
        List<int> plans = [], axes = [];
        List<float> scales = [], anchors = [];
        ReadOnlyMemory<float> lastAnchor = default;
        for (int list = 0; list < lists.Count; list++)
        {
            TrellisList coded = lists[list];
            // The classes of a cell share its anchor.
            if (!coded.Anchor.Equals(lastAnchor))
            {
                anchors.AddRange(coded.Anchor.Span);
                lastAnchor = coded.Anchor;
            }

            int[] header =
            [
                plans.Count, coded.Axes.Length, coded.FirstCoordinate, coded.Anchor.Length,
                anchors.Count - coded.Anchor.Length, coded.Group,
            ];
            header.CopyTo(headers, list * ScanCodes.HeaderInts);
            squared[list] = coded.AnchorSquared;
            Plan(coded.Bits.Span, plans);
            axes.AddRange(coded.Axes.Span);
            scales.AddRange(coded.Scales.Span[..coded.Axes.Length]);
            while (axes.Count < plans.Count) axes.Add(0);
            while (scales.Count < plans.Count) scales.Add(0);
        }

        float[] tables = Array.ConvertAll(_codes.Tables.ToArray(), value => (float)value);
        _view = new ScanCodes
        {
            Tables = buffers.Upload<float>(tables).View,
            Headers = buffers.Upload<int>(headers).View,
            Plans = buffers.Upload<int>(CollectionsMarshal.AsSpan(plans)).View,
            Axes = buffers.Upload<int>(CollectionsMarshal.AsSpan(axes)).View,
            Scales = buffers.Upload<float>(CollectionsMarshal.AsSpan(scales)).View,
            Anchors = buffers.Upload<float>(CollectionsMarshal.AsSpan(anchors)).View,
            AnchorSquared = buffers.Upload<float>(squared).View,
            Means = buffers.Upload(_codes.MeanCoordinates.Span).View,
        };
    }

    /// <summary>How each axis is read, padded to whole lanes by axes that read what the last one reads.</summary>
    private static void Plan(ReadOnlySpan<byte> bits, List<int> plans)
    {
        int end = 0, word = -1;
        foreach (byte b in bits)
        {
            end += b;
            int now = (end - 1) / 32;
            plans.Add(((b - 1) * 256 << ScanKernel.PlanBits) | (now > word ? ScanKernel.Advance : 0) | (31 - ((end - 1) % 32)));
            word = now;
        }

        while (plans.Count % ScanKernel.Lanes > 0) plans.Add(plans[^1] & ~ScanKernel.Advance);
    }
}
