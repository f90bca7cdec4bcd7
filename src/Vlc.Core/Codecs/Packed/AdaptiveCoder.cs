using System.Numerics;
using System.Runtime.CompilerServices;

namespace Vlc.Codecs.Packed;

/// <summary>
/// The probability that a binary decision is 0, learned from earlier decisions. It moves by a half of the error after the first decision,
/// by a quarter after the next two, and so on down to a 64th. It uses whole numbers alone, so that writer and reader agree on every
/// machine.
/// </summary>
internal struct AdaptiveBit
{
    /// <summary>Bits of a probability.</summary>
    public const int ProbabilityBits = 16;

    /// <summary>
    /// Most decisions that a byte of a stream can hold: each shrinks the range by a 64th or more, and ln 256 / -ln(63/64) = 352.1.
    /// </summary>
    public const int MostPerByte = 353;

    private const int Least = 1 << (ProbabilityBits - 6), SlowestRate = 6;

    private ushort _offset;
    private byte _seen;

    /// <summary>The probability of 0, over 2^16; 1,024 to 64,512. The initial value is a half.</summary>
    public readonly int Zero => _offset ^ 0x8000;

    /// <summary>Learns from a decision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Learn(int bit)
    {
        int rate = Math.Min(32 - BitOperations.LeadingZeroCount(_seen + 1u), SlowestRate), zero = Zero;
        zero += ((bit == 0 ? 1 << ProbabilityBits : 0) - zero) >> rate;
        _offset = (ushort)(Math.Clamp(zero, Least, (1 << ProbabilityBits) - Least) ^ 0x8000);
        if (_seen < 1 << SlowestRate) _seen++;
    }
}

/// <summary>
/// Binary arithmetic coding in whole numbers: a range coder with carries (Martin 1979; the arrangement is that of LZMA). The same calls
/// write and read symbol by symbol: a writer returns its argument, a reader what it read. So a layout is described once.
/// </summary>
internal abstract class AdaptiveCoder
{
    /// <summary>Codes a decision.</summary>
    /// <param name="bit">0 or 1; a reader ignores it.</param>
    /// <param name="model">The probability, which learns from the decision.</param>
    public abstract int Bit(int bit, ref AdaptiveBit model);

    /// <summary>Codes bits without a model, the most significant first.</summary>
    public int Bits(int value, int count)
    {
        int coded = 0;
        for (int i = count - 1; i >= 0; i--)
        {
            var even = default(AdaptiveBit);
            coded = (coded << 1) | Bit((value >> i) & 1, ref even);
        }

        return coded;
    }

    /// <summary>Codes one of 2^<paramref name="bits"/> symbols by a tree of decisions.</summary>
    /// <param name="symbol">0 to 2^bits - 1.</param>
    /// <param name="bits">Depth of the tree.</param>
    /// <param name="tree">2^bits decisions; the first is not used.</param>
    public int Symbol(int symbol, int bits, Span<AdaptiveBit> tree)
    {
        int node = 1;
        for (int i = bits - 1; i >= 0; i--) node = (node << 1) | Bit((symbol >> i) & 1, ref tree[node]);
        return node - (1 << bits);
    }

    /// <summary>
    /// Codes a number: whether it is 0, its sign, then the length of its magnitude in bits, one decision each, then the bits below the
    /// leading one. The two highest of these are learned, the others are taken as even.
    /// </summary>
    /// <param name="value">Magnitude below 2^<see cref="NumberModel.MostBits"/>.</param>
    /// <param name="model">The model of such numbers, which learns.</param>
    public int Number(int value, NumberModel model)
    {
        Span<AdaptiveBit> decisions = model.Decisions;
        int magnitude = Math.Abs(value);
        if (Bit(magnitude == 0 ? 0 : 1, ref decisions[0]) == 0) return 0;
        int negative = Bit(value < 0 ? 1 : 0, ref decisions[1]);
        int given = magnitude == 0 ? 1 : 32 - BitOperations.LeadingZeroCount((uint)magnitude), length = 1;
        while (length < NumberModel.MostBits && Bit(given > length ? 1 : 0, ref decisions[1 + length]) == 1) length++;
        int coded = 1;
        for (int position = length - 2; position >= 0; position--)
        {
            int bit = (magnitude >> position) & 1, learned = length - 2 - position;
            coded = (coded << 1) | (learned switch
            {
                0 => Bit(bit, ref decisions[NumberModel.HighBits + (3 * length)]),
                1 => Bit(bit, ref decisions[NumberModel.HighBits + (3 * length) + 1 + (coded & 1)]),
                _ => Bits(bit, 1),
            });
        }

        return negative == 1 ? -coded : coded;
    }
}

/// <summary>The model of numbers of one kind.</summary>
internal sealed class NumberModel
{
    /// <summary>Longest magnitude in bits.</summary>
    public const int MostBits = 24;

    /// <summary>Index of the first decision about the bits below the leading one.</summary>
    public const int HighBits = 1 + MostBits;

    private readonly AdaptiveBit[] _decisions = new AdaptiveBit[HighBits + (3 * (MostBits + 1))];

    public Span<AdaptiveBit> Decisions => _decisions;
}

/// <summary>Writes.</summary>
internal sealed class AdaptiveWriter : AdaptiveCoder
{
    private readonly List<byte> _bytes = [];
    private ulong _low;
    private uint _range = uint.MaxValue;
    private byte _held;
    private int _heldCount;
    private bool _any;

    public override int Bit(int bit, ref AdaptiveBit model)
    {
        uint bound = (_range >> AdaptiveBit.ProbabilityBits) * (uint)model.Zero;
        if (bit == 0)
        {
            _range = bound;
        }
        else
        {
            _low += bound;
            _range -= bound;
        }

        model.Learn(bit);
        while (_range < 1u << 24)
        {
            _range <<= 8;
            Shift();
        }

        return bit;
    }

    /// <summary>Everything written; the coder cannot be used afterwards.</summary>
    public byte[] ToArray()
    {
        // The value is taken from the middle of the remaining range: a reader without the last byte reads the same decisions, and detects
        // that a byte is missing.
        _low += _range / 2;
        for (int i = 0; i < 5; i++) Shift();
        return [.. _bytes];
    }

    /// <summary>Moves the top byte of the low end out; a run of 255 waits for a carry.</summary>
    private void Shift()
    {
        if (_low < 0xFF00_0000 || _low > uint.MaxValue)
        {
            byte carry = (byte)(_low >> 32);
            // The first byte is always 0 and is left out.
            if (_any) _bytes.Add((byte)(_held + carry));
            _any = true;
            for (; _heldCount > 0; _heldCount--) _bytes.Add((byte)(0xFF + carry));
            _held = (byte)(_low >> 24);
        }
        else
        {
            _heldCount++;
        }

        _low = (_low & 0x00FF_FFFF) << 8;
    }
}

/// <summary>Reads what <see cref="AdaptiveWriter"/> wrote.</summary>
internal sealed class AdaptiveReader : AdaptiveCoder
{
    private readonly byte[] _bytes;
    private uint _range = uint.MaxValue, _code;

    /// <summary>Starts reading.</summary>
    public AdaptiveReader(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        for (int i = 0; i < 4; i++) _code = (_code << 8) | Next();
    }

    /// <summary>Bytes read. It exceeds the stream's length where the stream is cut: bytes after its end read as 0.</summary>
    public int Position { get; private set; }

    public override int Bit(int bit, ref AdaptiveBit model)
    {
        // Selected without a branch: a good model leaves decisions that cannot be predicted.
        uint range = _range, code = _code, bound = (range >> AdaptiveBit.ProbabilityBits) * (uint)model.Zero;
        uint above = range - bound;
        bool one = code >= bound;
        range = one ? above : bound;
        code -= one ? bound : 0;
        int coded = one ? 1 : 0;
        model.Learn(coded);
        while (range < 1u << 24)
        {
            range <<= 8;
            code = (code << 8) | Next();
        }

        _range = range;
        _code = code;
        return coded;
    }

    private byte Next() => Position++ < _bytes.Length ? _bytes[Position - 1] : (byte)0;
}
