using ILGPU.Runtime;
using Vlc.Gpu.Kernels;

namespace Vlc.Gpu;

/// <summary>The layout of one kind of codes on a device: where a row's code is, and the kernel that measures it.</summary>
internal interface IScanLayout
{
    int ListCount { get; }

    /// <summary>Axes of the longest code, which measure the work of a row.</summary>
    int MostAxes { get; }

    /// <summary>Floats of a query.</summary>
    int CoordinateCount { get; }

    /// <summary>Offsets of a query.</summary>
    int GroupCount { get; }

    /// <summary>Whether a code's first byte is the highest of its word.</summary>
    bool IsBigEndian { get; }

    /// <summary>Row numbers of a list, ascending.</summary>
    ReadOnlySpan<int> Rows(int list);

    /// <summary>Bytes of each code of a list; 0 where it has none.</summary>
    int RowBytes(int list);

    /// <summary>Words of each code of a list on the device; unused bits are 0.</summary>
    int RowWords(int list);

    /// <summary>The code of a row.</summary>
    ReadOnlySpan<byte> Code(int list, int position);

    /// <summary>Copies the description of the lists to the device; once, before <see cref="Measure"/>.</summary>
    /// <exception cref="DeviceOutOfMemoryException">The device has not enough memory.</exception>
    void Upload(DeviceBuffers buffers);

    /// <summary>Starts measuring.</summary>
    /// <param name="stream">The stream of the launch.</param>
    /// <param name="groups">Groups: pairs of a tile and four queries.</param>
    /// <param name="queries">The queries.</param>
    /// <param name="work">The assignment of queries to tiles.</param>
    void Measure(AcceleratorStream stream, int groups, ScanQueries queries, ScanWork work);
}
