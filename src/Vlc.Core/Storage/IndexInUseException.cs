namespace Vlc.Storage;

/// <summary>Another writer is at work on an index: one at a time may. The message names its process.</summary>
public sealed class IndexInUseException : IOException
{
    /// <summary>Describes the failure.</summary>
    /// <param name="message">Who is at work.</param>
    /// <param name="innerException">What the system said.</param>
    public IndexInUseException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
