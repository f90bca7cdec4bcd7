using System.Runtime.InteropServices;
using Vlc.Storage;

namespace Vlc.Codecs.Scalar;

/// <summary>Reads the sections that the codecs of a number an axis share.</summary>
internal static class ScalarSections
{
    public static float[] ReadAnchors(SectionReader reader) =>
        reader.ReadHalfMatrix(SectionKind.Anchors, reader.Manifest.AnchorCount, reader.Manifest.Dimension);

    /// <summary>The coded axes: all where the index names none.</summary>
    /// <exception cref="VlcFormatException">Axes that are not ascending or not below the dimension.</exception>
    public static CodedAxes ReadAxes(SectionReader reader)
    {
        Manifest manifest = reader.Manifest;
        if (manifest.Find(SectionKind.CodedAxes) is null) return new CodedAxes(manifest.Dimension);
        IndexSection section = reader.Require(SectionKind.CodedAxes, SectionElement.UInt32, 1, (uint)manifest.CodedDimension);
        int[] axes = MemoryMarshal.Cast<byte, int>(reader.Inline(SectionKind.CodedAxes)).ToArray();
        for (int i = 0; i < axes.Length; i++)
        {
            if (axes[i] < 0 || axes[i] >= manifest.Dimension || (i > 0 && axes[i] <= axes[i - 1]))
            {
                throw new VlcFormatException(
                    reader.Files.Path(IndexFile.Manifest), $"offset {section.Offset + (4 * i)}", "ascending axes below the dimension",
                    $"{(uint)axes[i]}");
            }
        }

        return new CodedAxes(manifest.Dimension, axes);
    }

    /// <summary>The scales: of each cell, or of all cells; null where the index has none.</summary>
    public static AxisScales? ReadScales(SectionReader reader, CodedAxes axes)
    {
        Manifest manifest = reader.Manifest;
        if (manifest.Find(SectionKind.Jacobians) is not null)
        {
            float[] jacobians = reader.ReadHalfMatrix(SectionKind.Jacobians, manifest.AnchorCount, manifest.Dimension);
            return AxisScales.PerCell(jacobians, manifest.AnchorCount, axes);
        }

        if (manifest.Find(SectionKind.AxisScales) is null) return null;
        reader.Require(SectionKind.AxisScales, SectionElement.Float32, 1, (uint)axes.Count);
        float[] scales = MemoryMarshal.Cast<byte, float>(reader.Inline(SectionKind.AxisScales)).ToArray();
        reader.CheckFinite(scales, SectionKind.AxisScales);
        return AxisScales.Global(scales, axes);
    }
}
