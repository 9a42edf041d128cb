using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// The checkpoints of a run, of whatever kind it is: what they say about the run's position, and whether the run that
/// is about to go on is the one that wrote them.
/// </summary>
/// <param name="folder">Where the run is.</param>
/// <param name="keep">How many of the newest stay.</param>
/// <param name="identity">What a run must share with its checkpoints.</param>
/// <param name="note">Gets lines for the user.</param>
/// <param name="leftOut">The images of the run.</param>
/// <param name="checkpointEvery">Steps between checkpoints; null for one after each epoch only.</param>
/// <param name="sharesFolder">Whether files that are no run's may lie in the folder.</param>
internal sealed class RunCheckpoints(
    RunFolder folder,
    int keep,
    RunIdentity identity,
    Action<string> note,
    LeftOutImages leftOut,
    int? checkpointEvery,
    bool sharesFolder = false)
{
    private readonly CheckpointStore _store = folder.Checkpoints(keep);
    private (long Step, int Evaluations)? _saved;
    private DatasetDigest? _data;

    /// <summary>Makes the folder of a new run, or finds out where to go on.</summary>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <returns>That checkpoint; null to begin at the beginning.</returns>
    /// <exception cref="RunException">
    /// The folder is in use, or its checkpoints are of another run, or gone.
    /// </exception>
    /// <exception cref="CheckpointException">All checkpoints are damaged, or one cannot be read.</exception>
    public Checkpoint? Begin(bool resume)
    {
        if (!folder.IsLocked)
        {
            note(
                $"{folder.Path}: this file system does not lock files; nothing would stop a second run in this folder");
        }

        if (!resume || !folder.HasRun)
        {
            folder.Create(mayHoldOthers: sharesFolder);
        }

        if (!resume && _store.HasAny)
        {
            throw folder.InUse();
        }

        Checkpoint? checkpoint = resume ? _store.FindNewest(note, folder.MayBeginAnew) : null;
        if (resume && checkpoint is null)
        {
            RequireNoneYet();
        }

        _store.CleanUp(); // not before it is clear that the run goes on
        if (checkpoint is not null)
        {
            RequireSame(checkpoint);
            leftOut.GoOn(checkpoint.Info.LeftOut);
            _saved = (checkpoint.Info.Step, checkpoint.Info.Evaluations);
            note($"going on after step {checkpoint.Info.Step}, from {checkpoint.TensorPath}");
        }
        else if (resume)
        {
            note($"{folder.CheckpointsPath}: there is no whole checkpoint yet; beginning anew");
        }

        return checkpoint;
    }

    /// <summary>Writes a checkpoint, unless the position has one already.</summary>
    /// <param name="position">Where the run is.</param>
    /// <param name="state">Everything that is needed to go on; allocate in the caller's step scope.</param>
    /// <param name="metadata">Strings for the tensor file.</param>
    /// <param name="metrics">Reaches the disk first.</param>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(
        RunPosition position,
        Func<IReadOnlyList<NamedArray>> state,
        IReadOnlyDictionary<string, string> metadata,
        MetricsLog metrics)
    {
        if (_saved == (position.Step, position.Evaluations))
        {
            return;
        }

        metrics.Flush();
        var info = new CheckpointInfo
        {
            Step = position.Step,
            Epoch = (int)(position.Step / identity.StepsPerEpoch),
            StepInEpoch = (int)(position.Step % identity.StepsPerEpoch),
            Seed = identity.Seed,
            Preset = identity.Preset,
            SettingsDigest = identity.SettingsDigest,
            Evaluations = position.Evaluations,
            Accuracy = position.Accuracy,
            BestAccuracy = position.BestAccuracy,
            Data = _data ??= DatasetDigest.Of(leftOut.Data),
            LeftOut = leftOut.BySet,
        };
        _store.Save(info, state(), metadata);
        _saved = (position.Step, position.Evaluations);
    }

    // The first checkpoint comes after so many steps at the latest, and metrics go on only after it.
    private void RequireNoneYet()
    {
        if (folder.MayBeginAnew)
        {
            return;
        }

        long last = MetricsLog.LastStep(folder.MetricsPath);
        bool hasMore = last > Math.Min(identity.StepsPerEpoch, checkpointEvery ?? int.MaxValue);
        if (hasMore || File.Exists(folder.FinalPath))
        {
            string found = hasMore ? $"{folder.MetricsPath} has step {last}" : $"{folder.FinalPath} is there";
            throw new RunException(
                $"{folder.CheckpointsPath}: there is no checkpoint, but {found}; expected the checkpoints that were "
                + "written before; bring them back, or begin at step 0 with --resume --begin-anew, which keeps the "
                + "metrics under another name. Nothing was changed.");
        }
    }

    private void RequireSame(Checkpoint checkpoint)
    {
        if (checkpoint.Info.SettingsDigest != identity.SettingsDigest && !IsShorter(checkpoint))
        {
            throw new RunException(
                $"{checkpoint.TensorPath}: this checkpoint was written with other {identity.Decides} than "
                + $"{folder.SettingsPath}; expected those of the run; undo the change, or start a new run in another "
                + "folder.");
        }

        RequireSameData(checkpoint.Info.Data);
        int steps = identity.StepsPerEpoch;
        if (checkpoint.Info.Step != ((long)checkpoint.Info.Epoch * steps) + checkpoint.Info.StepInEpoch)
        {
            throw new RunException(
                $"{identity.Data}: an epoch has {steps} steps, but {checkpoint.TensorPath} was written with another "
                + "number; expected the images the run began with, or as many (--accept-changed-data does not change "
                + "the length of an epoch); correct --data.");
        }
    }

    // The settings of a run that was extended say its new length, and checkpoints from before know the one it had.
    private bool IsShorter(Checkpoint checkpoint)
    {
        for (int epochs = Math.Max(1, checkpoint.Info.Epoch); epochs < identity.Epochs; epochs++)
        {
            if (identity.DigestAt?.Invoke(epochs) == checkpoint.Info.SettingsDigest)
            {
                note(
                    $"the run was begun with {epochs} epochs and goes on to {identity.Epochs}: from here on, its "
                    + "schedules are those of the longer run");
                return true;
            }
        }

        return false;
    }

    private void RequireSameData(DatasetDigest? before)
    {
        if (before?.Difference(leftOut.Data) is not { } difference)
        {
            return;
        }

        if (!folder.AcceptsChangedData)
        {
            throw new RunException(
                $"{identity.Data}: {difference}; expected the images that the run began with; restore them or correct "
                + "--data, or go on all the same with --accept-changed-data.");
        }

        note($"{identity.Data}: {difference}; going on all the same, as asked");
    }
}

/// <summary>How far a run has come.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Evaluations">Evaluations done.</param>
/// <param name="Accuracy">Accuracy at this very step, 0 to 1; null if it was not measured here.</param>
/// <param name="BestAccuracy">Highest accuracy so far; null before the first.</param>
internal readonly record struct RunPosition(long Step, int Evaluations, double? Accuracy, double? BestAccuracy);

/// <summary>What a run must share with its checkpoints.</summary>
/// <param name="Seed">Seed of every random number.</param>
/// <param name="Preset">Name of the preset or recipe that the settings began with.</param>
/// <param name="SettingsDigest">SHA-256 of the settings that decide the result.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
/// <param name="Data">Name of the training data, for messages.</param>
/// <param name="Epochs">Passes over the training images.</param>
/// <param name="DigestAt">
/// The digest that another number of epochs would have; null in runs that cannot be extended.
/// </param>
/// <param name="Decides">What the digest is of, for messages.</param>
internal sealed record RunIdentity(
    ulong Seed,
    string Preset,
    string SettingsDigest,
    int StepsPerEpoch,
    string Data,
    int Epochs,
    Func<int, string>? DigestAt = null,
    string Decides = "settings");
