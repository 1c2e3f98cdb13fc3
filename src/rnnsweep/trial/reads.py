"""Each reading of the test part is noted before it: every p-value pays for it."""

from rnnsweep.trial.messages import Channel, TrialTask


def note_test_read(task: TrialTask, channel: Channel) -> None:
    """Note that a task is about to read the test part: here, or by the controller where an agent runs it.

    Raises:
        ControllerSilent: the controller of an agent's task did not answer.
    """
    if task.attempt is None:
        task.files.note_test_read()
    else:
        channel.note_test_read()
