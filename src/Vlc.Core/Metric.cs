namespace Vlc;

/// <summary>What "near" means. The metric is stored in the index; a search by another one is refused.</summary>
public enum Metric
{
    /// <summary>Squared Euclidean distance; smaller is nearer.</summary>
    L2 = 0,

    /// <summary>Cosine similarity; larger is nearer. Rows and queries are brought to unit length first.</summary>
    Cosine = 1,

    /// <summary>Inner product of the vectors as they are; larger is nearer.</summary>
    InnerProduct = 2,
}
