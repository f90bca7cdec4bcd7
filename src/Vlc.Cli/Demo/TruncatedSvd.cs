namespace Vlc.Cli.Demo;

/// <summary>The leading right singular vectors of a matrix; those beyond its rank are zero.</summary>
/// <param name="RightVectors">Row-major, one row for each column of the matrix, one column for each singular value.</param>
/// <param name="SingularValues">Descending.</param>
internal sealed record TruncatedSvd(float[] RightVectors, double[] SingularValues)
{
    /// <summary>Number of singular values kept.</summary>
    public int Dimension => SingularValues.Length;
}
