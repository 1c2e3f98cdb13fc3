"""Statements over the tables of MLflow's database: no other module names its tables and columns.

MLflow's tables are its own affair; reading ten thousand runs through its client takes minutes. A test
prepares each statement against a database of the installed version.
"""

# a temporary table of the chosen runs keeps the queries short and indexed; :own is the key of a sweep's own
# run: those of another start under the same name are not of this sweep
CHOOSE_RUNS = """
CREATE TEMP TABLE chosen AS SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active' AND (:sweep IS NULL
OR run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'rnnsweep.sweep' AND value = :sweep))
AND (:own IS NULL OR run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key = 'rnnsweep.key'
 AND value != :own AND substr(value, 1, length(:own) + 1) != :own || '.'))
"""
CHOSEN_RUNS = (
    "SELECT run_uuid, name, status, start_time, experiment_id FROM runs JOIN chosen USING (run_uuid)"
)
CHOSEN_TAGS = "SELECT run_uuid, key, value FROM tags JOIN chosen USING (run_uuid) WHERE key LIKE 'rnnsweep.%'"
CHOSEN_PARAMETERS = "SELECT run_uuid, key, value FROM params JOIN chosen USING (run_uuid)"
CHOSEN_LATEST = "SELECT run_uuid, key, value, is_nan FROM latest_metrics JOIN chosen USING (run_uuid)"
CHOSEN_POINTS = """
SELECT run_uuid, key, step, value, is_nan FROM metrics JOIN chosen USING (run_uuid) WHERE key = ?
"""
EXPERIMENT_OF_EACH_SWEEP = """
SELECT sweep.value, max(experiment_id) FROM runs
JOIN tags AS role USING (run_uuid) JOIN tags AS sweep USING (run_uuid)
WHERE role.key = 'rnnsweep.role' AND role.value = 'sweep' AND sweep.key = 'rnnsweep.sweep'
AND lifecycle_stage = 'active' GROUP BY sweep.value
"""
EXPERIMENT_OF_LAST_SWEEP = """
SELECT experiment_id FROM runs JOIN tags USING (run_uuid) WHERE key = 'rnnsweep.role' AND value = 'sweep'
AND lifecycle_stage = 'active' ORDER BY start_time DESC LIMIT 1
"""
SEARCHES_YET = """
SELECT 1 FROM experiment_tags AS note WHERE experiment_id = :experiment AND key = 'mlflow.note.content'
AND instr(note.value, :unfinished) AND NOT EXISTS (
 SELECT 1 FROM runs JOIN tags AS role USING (run_uuid) WHERE runs.experiment_id = :experiment
 AND role.key = 'rnnsweep.role' AND role.value = 'replicate' AND lifecycle_stage = 'active')
"""
ARCHITECTURES = "SELECT DISTINCT value FROM tags WHERE key = 'rnnsweep.architecture'"
STAGES = "SELECT run_uuid, lifecycle_stage FROM runs"

DELETED_RUNS = """
SELECT r.run_uuid, r.name, r.artifact_uri,
 (SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'rnnsweep.key'),
 (SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'rnnsweep.sweep')
FROM runs r WHERE r.lifecycle_stage = 'deleted' ORDER BY r.start_time
"""
DELETED_MODELS = """
SELECT model_id, name, artifact_location, NULL, NULL
FROM logged_models WHERE lifecycle_stage = 'deleted' ORDER BY creation_timestamp_ms
"""

# of a sweep, to remove it: its runs in any stage, the models that they logged, and versions of these
RUNS_OF_SWEEP = """
SELECT r.run_uuid, r.name, r.artifact_uri,
 (SELECT value FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'rnnsweep.key'),
 s.value, r.experiment_id
FROM runs r JOIN tags s ON s.run_uuid = r.run_uuid AND s.key = 'rnnsweep.sweep' AND s.value = :sweep
ORDER BY r.start_time
"""
MODELS_OF_SWEEP = """
SELECT model_id, name, artifact_location, NULL, :sweep FROM logged_models WHERE source_run_id IN
(SELECT run_uuid FROM tags WHERE key = 'rnnsweep.sweep' AND value = :sweep)
OR (source_run_id NOT IN (SELECT run_uuid FROM runs)
 AND experiment_id = (SELECT experiment_id FROM experiments WHERE name = :sweep)
 AND model_id IN (SELECT model_id FROM logged_model_tags WHERE tag_key = 'rnnsweep.architecture'))
ORDER BY creation_timestamp_ms
"""
VERSIONS = """
SELECT name, version, run_id, coalesce(storage_location, source),
 (SELECT value FROM model_version_tags t
 WHERE t.name = v.name AND t.version = v.version AND t.key = 'rnnsweep.key'
 AND v.run_id NOT IN (SELECT run_uuid FROM runs))
FROM model_versions AS v WHERE current_stage != 'Deleted_Internal'
"""
EXPERIMENT_NAMED = "SELECT experiment_id FROM experiments WHERE name = :sweep"
IN_EXPERIMENT = """
SELECT (SELECT count(*) FROM runs WHERE experiment_id = :experiment)
 + (SELECT count(*) FROM logged_models WHERE experiment_id = :experiment)
 + (SELECT count(*) FROM trace_info WHERE experiment_id = :experiment)
"""
MARK_DELETED = """
UPDATE runs SET lifecycle_stage = 'deleted', deleted_time = :time WHERE lifecycle_stage = 'active'
AND run_uuid IN (SELECT run_uuid FROM tags WHERE key = 'rnnsweep.sweep' AND value = :sweep)
"""

MODEL_OF_ALIAS = """
SELECT v.storage_location, v.source FROM registered_model_aliases AS a
JOIN model_versions AS v ON v.name = a.name AND v.version = a.version
WHERE a.name = ? AND lower(a.alias) = lower(?) AND v.current_stage != 'Deleted_Internal'
"""
ALIASES = "SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias"

REVISION = "SELECT version_num FROM alembic_version"
ROOT = "SELECT artifact_location FROM experiments WHERE experiment_id = 0"  # of the store that made it
# (new root/, characters of the old root/, and of the old root/, the old root/)
MOVE_ARTIFACTS = [
    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
    for table, column in (
        ("experiments", "artifact_location"),
        ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"),
        ("model_versions", "storage_location"),
    )
]

# what tracking/store/bulk.py writes; a statement with VALUES takes any number of rows
RUN_OF_KEY = """
SELECT run_uuid FROM runs JOIN tags USING (run_uuid) WHERE key = 'rnnsweep.key' AND value = :key
AND experiment_id = :experiment AND lifecycle_stage = 'active' ORDER BY start_time DESC, run_uuid LIMIT 1
"""
EXPERIMENT = "SELECT lifecycle_stage, artifact_location FROM experiments WHERE experiment_id = :experiment"
ADD_RUN = """
INSERT INTO runs (run_uuid, name, artifact_uri, experiment_id, source_type, source_name, entry_point_name,
user_id, status, start_time, source_version, lifecycle_stage)
VALUES (:run, :name, :folder, :experiment, 'UNKNOWN', '', '', :user, 'RUNNING', :start, '', 'active')
"""
STAGE = "SELECT lifecycle_stage FROM runs WHERE run_uuid = :run"
ACTIVE_KEYS = """
SELECT value FROM tags JOIN runs USING (run_uuid) WHERE key = 'rnnsweep.key' AND lifecycle_stage = 'active'
AND (value = :own OR substr(value, 1, length(:own) + 1) = :own || '.')
"""
PARAMETERS = "SELECT key, value FROM params WHERE run_uuid = :run"
ADD_PARAMETERS = """
INSERT INTO params (run_uuid, key, value) VALUES (:run, :key, :text) ON CONFLICT DO NOTHING
"""
ADD_POINTS = """
INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)
VALUES (:run, :key, :number, :time, :step, :is_nan) ON CONFLICT DO NOTHING
"""
SET_LATEST = """
INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan)
VALUES (:run, :key, :number, :time, :step, :is_nan)
ON CONFLICT (run_uuid, key) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp,
step = excluded.step, is_nan = excluded.is_nan WHERE (excluded.step, excluded.timestamp, excluded.value)
> (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)
"""
SET_TAGS = """
INSERT INTO tags (run_uuid, key, value) VALUES (:run, :key, :text)
ON CONFLICT (run_uuid, key) DO UPDATE SET value = excluded.value
"""
END_RUN = """
UPDATE runs SET status = :status, end_time = :time WHERE run_uuid = :run AND lifecycle_stage = 'active'
"""
