using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Vlc.Storage;

/// <summary>A digest of numbers, part by part; each part is preceded by its length.</summary>
internal sealed class InputDigest : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Adds some values.</summary>
    public InputDigest Add<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, bytes.Length);
        _hash.AppendData(length);
        _hash.AppendData(bytes);
        return this;
    }

    /// <summary>Adds some numbers.</summary>
    public InputDigest Add(params ReadOnlySpan<long> numbers) => Add<long>(numbers);

    /// <summary>The digest of everything added.</summary>
    public byte[] ToArray() => _hash.GetHashAndReset();

    public void Dispose() => _hash.Dispose();
}
