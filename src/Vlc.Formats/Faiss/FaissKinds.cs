namespace Vlc.Formats.Faiss;

/// <summary>The four characters by which FAISS names what it stores, and what each is called in its documentation.</summary>
internal static class FaissKinds
{
    /// <summary>Kinds that are refused, by the name under which they are known.</summary>
    public static string NameOf(string kind) => kind switch
    {
        "IxPQ" or "IxPo" or "IxPq" => "IndexPQ (product quantization)",
        "IvPQ" or "IwPQ" or "IvQR" or "IwQR" => "IndexIVFPQ (product quantization)",
        "IPfs" or "IwPf" => "a fast-scan index (product quantization)",
        "ILfs" or "IRfs" or "IPRf" or "IPLf" or "IVLf" or "IVRf" or "NPLf" or "NPRf" => "a fast-scan index (additive quantization)",
        "IxRQ" or "IxRq" or "IxLS" or "IxPR" or "IxPL" or "ImRQ" or "IwLS" or "IwRQ" or "IwPL" or "IwPR" =>
            "an index of an additive quantizer",
        "IxHE" or "IxHe" => "IndexLSH",
        "IxLa" => "IndexLattice",
        "IxRF" => "IndexRefine",
        "Ix2L" or "IHN2" => "a two-level index",
        "IHNp" or "INSp" => "a graph over IndexPQ (product quantization)",
        "INSf" or "INSs" => "IndexNSG",
        "INNf" => "IndexNNDescent",
        "IvFl" or "IvFL" => "IndexIVFFlat as early versions of FAISS wrote it",
        "IwFd" => "IndexIVFFlatDedup",
        "IvSQ" or "IwSQ" or "IwSq" => "IndexIVFScalarQuantizer",
        "IwSh" => "IndexIVFSpectralHash",
        "IwIQ" => "IndexIVFIndependentQuantizer",
        "Imiq" => "MultiIndexQuantizer",
        "IRMf" or "IRMh" => "IndexRowwiseMinMax",
        "null" => "no index (it was saved without its vectors)",
        ['I', 'B', ..] => "a binary index (bits, compared by Hamming distance)",
        _ => $"the kind '{kind}'",
    };

    /// <summary>The scalar quantizers, in FAISS's order.</summary>
    public static string QuantizerName(int type) => type switch
    {
        0 => "QT_8bit",
        1 => "QT_4bit",
        2 => "QT_8bit_uniform",
        3 => "QT_4bit_uniform",
        4 => "QT_fp16",
        5 => "QT_8bit_direct",
        6 => "QT_6bit",
        7 => "QT_bf16",
        8 => "QT_8bit_direct_signed",
        _ => $"scalar quantizer {type}",
    };
}
