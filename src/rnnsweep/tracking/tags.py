"""The tags of a run in MLflow, by name. Stores of earlier versions have the same."""

RUN_COLOUR = "mlflow.runColor"  # MLflow's own: of a run in its pages, and in the picture of its curves


class Tag:
    """Names of tags; what each holds."""

    ARCHITECTURE = "rnnsweep.architecture"
    CHECKPOINT = "rnnsweep.checkpoint"  # path of the best weights, from mlruns/ on
    KEY = "rnnsweep.key"  # the run's unique name, also its spool's
    LOOKS = "rnnsweep.looks"  # of a sweep: the looks at its replicates, as JSON
    MISSING_ARTIFACT = "rnnsweep.missing_artifact"  # a file that a full disk kept out, and why
    OVERRIDES = "rnnsweep.overrides"  # a JSON list; after `rnnsweep train` they repeat the run
    QUESTION = "rnnsweep.question"  # of a sweep
    REASON = "rnnsweep.reason"  # why it ended, where it did not complete
    REPLICATE = "rnnsweep.replicate"  # which of its trial's repeats a replicate is
    ROLE = "rnnsweep.role"  # sweep, trial, replicate, baseline, single; retried: failed, and tried again
    SEED = "rnnsweep.seed"
    STATE = "rnnsweep.state"  # running, or one of `state.outcome.EndState`
    STORAGE = "rnnsweep.storage"  # of a sweep: how Optuna opens its studies
    STUDY = "rnnsweep.study"  # Optuna's name of the trial's study
    SWEEP = "rnnsweep.sweep"
    TEST_READS = "rnnsweep.test_reads"  # of a sweep: how often the test part was read
    TEST_ROWS = "rnnsweep.test_rows"  # digest of which rows a run was tested on, whatever text it read
    TRIAL = "rnnsweep.trial"  # the trial's number in its study
