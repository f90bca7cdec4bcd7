namespace Vlc.Codecs.Packed;

/// <summary>The stored numbers of a packed model; everything else follows from them.</summary>
internal sealed class PackedParameters
{
    /// <summary>d.</summary>
    public required int Dimension { get; init; }

    /// <summary>m.</summary>
    public required int CellCount { get; init; }

    /// <summary>Classes of each cell.</summary>
    public required int ClassCount { get; init; }

    /// <summary>64 · log2 of the water level.</summary>
    public required int Level { get; init; }

    /// <summary>Mean squared length of a residual, in scaled units: the unit of the lists' energies.</summary>
    public required float MeanEnergy { get; init; }

    /// <summary>True when reconstructions count as vectors of unit length (cosine).</summary>
    public required bool UnitLength { get; init; }

    /// <summary>μ, d floats that float16 holds exactly.</summary>
    public required float[] Mean { get; init; }

    /// <summary>The groups of cells, each with its basis.</summary>
    public required PackedGroup[] Groups { get; init; }

    /// <summary>Group of each cell.</summary>
    public required int[] CellGroups { get; init; }

    /// <summary>z: the anchor of each cell in its group's basis, rank floats, multiples of <see cref="AnchorStep"/>.</summary>
    public required float[][] CellAnchors { get; init; }

    /// <summary>Step of the anchors' coordinates.</summary>
    public required float AnchorStep { get; init; }

    /// <summary>Level of each cell's amplitudes over its group's spectrum, in eighths of an octave.</summary>
    public required int[] CellLevels { get; init; }

    /// <summary>Diagonal Jacobian of each cell on top of that: -8 to 7 steps of half an octave for each axis.</summary>
    public required sbyte[][] CellScales { get; init; }

    /// <summary>Gain of each class of each cell, in eighths of an octave, -32 to 31.</summary>
    public required int[] ClassGains { get; init; }

    /// <summary>The weights of the allocation.</summary>
    public PackedDesign Design { get; init; } = PackedDesign.Default;

    /// <summary>Bytes of every code; 0 where the level decides list by list.</summary>
    public int EqualStride { get; init; }

    /// <summary>The same parameters at another level, or with equal bytes in every list.</summary>
    public PackedParameters WithLevel(int level, int equalStride = 0) => new()
    {
        Dimension = Dimension,
        CellCount = CellCount,
        ClassCount = ClassCount,
        Level = level,
        MeanEnergy = MeanEnergy,
        UnitLength = UnitLength,
        Mean = Mean,
        Groups = Groups,
        CellGroups = CellGroups,
        CellAnchors = CellAnchors,
        AnchorStep = AnchorStep,
        CellLevels = CellLevels,
        CellScales = CellScales,
        ClassGains = ClassGains,
        Design = Design,
        EqualStride = equalStride,
    };
}

/// <summary>A group of cells with a basis of its own.</summary>
internal sealed class PackedGroup
{
    /// <summary>Orthonormal rows, rank x d, as the reader restores them.</summary>
    public required float[] Basis { get; init; }

    /// <summary>Axes candidates.</summary>
    public required int Rank { get; init; }

    /// <summary>Log2 of each axis's amplitude, in eighths of an octave.</summary>
    public required int[] Spectrum { get; init; }

    /// <summary>The stored form of the basis.</summary>
    public required QuantizedBasis Stored { get; init; }
}

/// <summary>
/// A basis in few bits. Each row is rounded with a step of its own, so that its error times its variance stays below the water level. The
/// reader makes the rows orthonormal again.
/// </summary>
internal sealed class QuantizedBasis
{
    /// <summary>Log2 of each row's step, in quarters of an octave.</summary>
    public required sbyte[] StepQuarters { get; init; }

    /// <summary>Rounded coefficients, rank x d.</summary>
    public required short[] Coefficients { get; init; }

    /// <summary>The orthonormal rows that writer and reader use.</summary>
    public float[] Restore(int dimension) => TryRestore(dimension, long.MaxValue)!;

    /// <summary>The orthonormal rows; null where that would take more work than <paramref name="mostWork"/>.</summary>
    public float[]? TryRestore(int dimension, long mostWork)
    {
        var rows = new float[Coefficients.Length];
        for (int row = 0; row < StepQuarters.Length; row++)
        {
            float step = (float)Octaves.Power(StepQuarters[row] * (Octaves.Parts / 4));
            for (int k = 0; k < dimension; k++) rows[(row * dimension) + k] = Coefficients[(row * dimension) + k] * step;
        }

        return Numerics.LinearAlgebra.SymmetricEigen.TryOrthonormalize(rows, StepQuarters.Length, dimension, mostWork) ? rows : null;
    }
}
