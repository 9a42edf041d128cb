using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Core;

/// <summary>
/// One block of a backend's memory, shared by all views of an array. It belongs to the <see cref="StepScope"/> in which
/// it was allocated, or to the garbage collector when there was none.
/// </summary>
public abstract class Storage
{
    private bool _isReleased;

    /// <summary>Registers the block with the step scope of this thread, if there is one.</summary>
    /// <param name="sizeInBytes">Bytes asked for; the block may be larger.</param>
    protected Storage(long sizeInBytes)
    {
        SizeInBytes = sizeInBytes;
        Role = MemoryRoleScope.Current;
        StepScope.Adopt(this);
    }

    /// <summary>Gives back a block that no scope owned; the backend counts these.</summary>
    ~Storage() => Release(collected: true);

    /// <summary>Bytes asked for.</summary>
    public long SizeInBytes { get; }

    /// <summary>
    /// Number of in-place changes since the block was allocated. The tape compares it with the value it saw when an
    /// operation saved the array.
    /// </summary>
    public int Version { get; private set; }

    /// <summary>What the block is for.</summary>
    public MemoryRole Role { get; private set; }

    /// <summary>Whether the block has gone back to its pool.</summary>
    public bool IsReleased => _isReleased;

    /// <summary>The scope that will release this block; null for blocks that outlive steps.</summary>
    internal StepScope? Scope { get; set; }

    /// <summary>How many gradient slots of the tape refer to this block (<see cref="Tape"/> alone counts).</summary>
    internal int GradientHolders { get; set; }

    /// <summary>Records an in-place change. Whoever writes into an existing array calls this.</summary>
    public void MarkChanged() => Version++;

    /// <summary>Gives the block back now. Harmless when that has happened already.</summary>
    [SuppressMessage("Usage", "CA1816", Justification = "Scopes release storage; users never dispose of arrays.")]
    public void Release()
    {
        Release(collected: false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Puts the block to another use.</summary>
    internal void ChangeRole(MemoryRole role)
    {
        if (role != Role && !_isReleased)
        {
            OnRoleChanging(role);
            Role = role;
        }
    }

    /// <summary>Tells a backend that keeps count of <see cref="Role"/>s, while it still has the old value.</summary>
    protected virtual void OnRoleChanging(MemoryRole role)
    {
    }

    /// <summary>Gives the block back to the pool it came from. Called once.</summary>
    /// <param name="collected">True on the finalizer thread: nobody released the block, the collector found it.</param>
    protected abstract void ReturnBlock(bool collected);

    /// <summary>Throws when the block is no longer this array's.</summary>
    /// <exception cref="ObjectDisposedException">The block was released.</exception>
    protected internal void ThrowIfReleased()
    {
        if (_isReleased)
        {
            throw new ObjectDisposedException(
                objectName: null,
                "This array's memory was given back when its step scope ended. Inside the scope, call "
                + "scope.Keep(array) to take it along, or copy the values out with ToArray.");
        }
    }

    private void Release(bool collected)
    {
        if (!_isReleased)
        {
            _isReleased = true;
            ReturnBlock(collected);
        }
    }
}
