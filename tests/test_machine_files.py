"""Files of conf/machine/: what they may hold, what is refused, and the sweeps that run on what they name."""

import json
from pathlib import Path

import pytest
from simulation import write_sweep

from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.launchers import LocalLauncher, check_engine
from rnnsweep.launchers.local import places_of
from rnnsweep.launchers.local.places import slots_here
from rnnsweep.machine import Machine, Share, explain_machine_keys, machine_names, read_machine

SHIPPED = sorted((Path(__file__).parents[1] / "conf" / "machine").glob("*.yaml"))


@pytest.fixture
def written(home):
    """Write a file of the project's conf/machine/, which has nothing else and so adds to the shipped one."""
    (home / "conf").unlink()

    def write(text: str, name: str = "box") -> Path:
        path = home / "conf" / "machine" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def made(monkeypatch):
    """The slots of the launchers that were made, in place of fork servers."""
    slots = []

    def begin(self, given, **more):
        slots.append([(slot.threads, slot.gpu) for slot in slots_here(given)])

    monkeypatch.setattr(LocalLauncher, "__init__", begin)
    return slots


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_machine_reads(path):
    assert read_machine(path).name == path.stem


def test_the_examples_in_comments_read_too(written):
    for path in SHIPPED:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("# slots: gpu:0")]
        for line in [line for line in lines if line.startswith("# ") and ": " in line and "    #" in line]:
            key = line[2:].partition(":")[0]
            indent = "" if key in ("engine", "address", "slots", "locker", "studies") else "  "
            kept = [one for one in lines if not one.strip().startswith((f"{key}:", "#"))]
            read_machine(written("\n".join([*kept, indent + line[2:]]) + "\n", path.stem))


def test_a_file_is_read_with_all_its_keys(written):
    path = written(
        "engine: slurm\naddress: login1\nslots: {each: gpu:1/2, threads: 2, most: 64, together: 4}\n"
        "locker: s3://lab/rnnsweep/\nslurm: {partition: gpu, time: 4:00:00, account: lab, memory: 16G}\n"
        "studies: postgresql://me@db:5433/sweeps\n"
    )
    assert read_machine("box") == Machine(
        name="box",
        path=path,
        engine="slurm",
        address="login1",
        slots=Share(None, threads=2, share=2, most=64, together=4),
        locker="s3://lab/rnnsweep",
        slurm={"partition": "gpu", "time": 240, "account": "lab", "memory": "16G"},
        studies="postgresql://me@db:5433/sweeps",
    )
    assert read_machine(path).contacts == (
        "Slurm, partition gpu, slurm at login1, locker s3://lab/rnnsweep, studies postgresql://me@db:5433/sweeps"
    )


@pytest.mark.parametrize(
    ("time", "minutes"),
    [("90", 90), ("14400", 14400), ("4:00:00", 240), ("'0:00:30'", 1), ("1-12:00:00", 2160)],
)
def test_a_time_limit_is_minutes_or_hours_or_days(written, time, minutes):
    written(f"engine: slurm\nslurm: {{time: {time}}}\n")
    assert read_machine("box").slurm["time"] == minutes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("engine: rays\n", "engine='rays' is not one of "),
        ("engine: fused\n", "engine='fused' is not one of "),
        ("engin: ray\n", "unknown key 'engin': known are engine, address, slots, locker, studies, slurm."),
        ("engine: 3\n", "engine: 3: must be text"),
        ("- engine\n", "must be a mapping (key: value)"),
        ("engine: [\n", "line 2: no YAML"),
        ("engine: local\nengine: ray\n", "line 2: no YAML: key 'engine' is there twice"),
        ("address: box:6379\n", "address='box:6379': engine local is this machine and has no address"),
        ("slurm: {partition: gpu}\n", "slurm: is read by engine slurm alone, and engine='local'"),
        ("slots: 0\n", "slots: '0': must be a number (4)"),
        ("slots: 1.5\n", "slots: 1.5: must be a number, places as gpu:0,gpu:1, or {each: ...}"),
        ("slots: true\n", "slots: True: must be a number"),
        ("slots: {each: 'gpu:1.5'}\n", "slots.each: 'gpu:1.5': must be cpu:N (threads of a trial), gpu:1"),
        ("slots: {each: 'gpu:2'}\n", "slots.each: 'gpu:2': must be cpu:N"),
        ("slots: {each: 'cpu', most: 0}\n", "slots.most: 0: must be an integer, 1 or more"),
        ("slots: {moist: 3}\n", "unknown key 'moist' in slots: known are each, threads, most, together, "),
        ("engine: ray\nslots: {autoscale: true}\n", "slots: autoscale: true needs most, the number of slots"),
        ("slots: {autoscale: maybe}\n", "slots.autoscale: 'maybe': must be true or false"),
        ("slots: {most: 4, autoscale: true}\n", "slots: autoscale=True is read by engine ray alone"),
        ("locker: ckpts\n", "locker: 'ckpts': must be the absolute path of a folder that all nodes see"),
        ("locker: gs://lab/x\n", "locker: 'gs://lab/x': must be the absolute path of a folder"),
        ("locker: s3://L/x\n", "locker: 's3://L/x': must be s3://BUCKET/PREFIX, with a bucket of 3 to 63"),
        ("locker: s3://me:hunter2@lab/x\n", "must hold no password or token"),
        ("studies: mysql://me@db/x\n", "studies: 'mysql://me@db/x': must be postgresql://USER@HOST:PORT/DATABASE"),
        ("studies: postgresql://db\n", "studies: 'postgresql://db': must be postgresql://USER@HOST:PORT/DATABASE"),
        ("studies: postgresql://me:hunter2@db/x\n", "must hold no password or token"),
        ("engine: ray\naddress: ray://me:hunter2@host:1\n", "must hold no password or token"),
        ("engine: slurm\nslurm: {time: soon}\n", "slurm.time: 'soon': must be minutes (90), hours (4:00:00)"),
        ("engine: slurm\nslurm: {setup: [id]}\n", "unknown key 'setup' in slurm: known are partition, time"),
        ('engine: slurm\nslurm: {partition: "a\\nid"}\n', "slurm.partition: 'a\\nid': must be one word"),
        ("engine: slurm\nslurm: {account: $(id)}\n", "slurm.account: '$(id)': must be one word"),
        ("engine: slurm\nslurm: {account: a;id}\n", "slurm.account: 'a;id': must be one word"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line_that_names_file_key_and_value(written, text, message):
    path = written(text)
    with pytest.raises(UserError) as refused:
        check_engine(read_machine("box"))
    assert str(refused.value).startswith(str(path))
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_machine_ends_a_command_with_one_line_before_anything_is_made(written, home, capsys):
    path = written("engine: rays\n")
    assert main(["sweep", "quickstart", "--on", "box"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"error: {path}: engine='rays' is not one of ")
    assert not (home / "mlruns").exists()


def test_a_machine_that_does_not_answer_ends_a_command_before_any_row_is_read(written, home, capsys):
    pytest.importorskip("ray")
    path = written("engine: ray\naddress: 127.0.0.1:1\n")
    assert main(["sweep", "data=csv", "data.path=gone.csv", "optimizer.lr=0.1,0.2", "--on", "box"]) == 2
    named, error = capsys.readouterr().err.strip().splitlines()
    assert named == f"machine box ({path}): uses ray at 127.0.0.1:1"
    assert error.startswith(f"error: {path}: address='127.0.0.1:1': no Ray cluster answers")
    assert not (home / "mlruns").exists()


def test_a_machine_that_is_not_there_is_refused_with_the_nearest(written):
    written("engine: local\n", "cluster")
    with pytest.raises(
        UserError, match=r"machine 'clutser': no such file in conf/machine; there is .*cluster"
    ):
        read_machine("clutser")
    for name in ("../x", "", "a/b", "x\n"):
        with pytest.raises(UserError, match="no such file"):
            read_machine(name)


@pytest.mark.parametrize(
    ("slots", "count", "wanted"),
    [
        ("", 0, None),
        ("slots: 3", 0, "3"),
        ("slots: cpu:2,cpu:2", 0, "cpu:2,cpu:2"),
        ("slots: {each: cpu:2, most: 3}", 0, "cpu:2,cpu:2,cpu:2"),
        ("slots: {each: gpu:1}", 2, "gpu:0:1,gpu:1:1"),
        ("slots: {each: gpu:1/2, threads: 3, most: 3}", 2, "gpu:0:3,gpu:0:3,gpu:1:3"),
    ],
)
def test_slots_of_this_machine_are_named_or_made_of_what_each_of_them_is(
    written, monkeypatch, slots, count, wanted
):
    monkeypatch.setattr("rnnsweep.hardware.gpus.count_visible", lambda: count)
    written(f"engine: local\n{slots}\n")
    assert places_of(read_machine("box")) == wanted


def test_gpu_slots_are_refused_on_a_machine_without_gpus(written, monkeypatch):
    monkeypatch.setattr("rnnsweep.hardware.gpus.count_visible", lambda: 0)
    written("slots: {each: gpu:1}\n")
    with pytest.raises(UserError, match="slots: each slot is a GPU, and this machine has none"):
        places_of(read_machine("box"))


def test_the_slots_of_the_command_line_come_before_those_of_the_machine(written, made, tmp_path):
    written("slots: {each: cpu:2, most: 3}\n")
    machine, sweep = read_machine("box"), write_sweep(tmp_path, slots=7)
    check_engine(machine)(machine, sweep, None)
    check_engine(machine)(machine, sweep, "1")
    assert made == [[(2, None)] * 3, [(1, None)]]


def test_every_key_of_a_machine_is_explained_with_a_value_that_a_file_takes(written, capsys):
    for key, one in explain_machine_keys().items():
        assert one.type or one.choices, key
        assert len(one.meaning) > 5, key
        section, _, name = key.removeprefix("machine.").rpartition(".")
        value = json.dumps(one.example)
        needed = "most: 4, " if name == "autoscale" else ""
        body = f"{section}: {{{needed}{name}: {value}}}" if section else f"{name}: {value}"
        engine = {"address": "ray", "autoscale": "ray", "engine": one.example}.get(name, "slurm")
        head = "" if name == "engine" else f"engine: {engine}\n"
        if key != "machine.slots.threads":
            read_machine(written(f"{head}{body}\n"))
    assert main(["config", "--explain", "machine.locker"]) == 0
    assert "key of a file of conf/machine/" in capsys.readouterr().out


def test_machines_of_the_project_come_before_those_that_ship(written):
    assert set(machine_names()) >= {path.stem for path in SHIPPED}
    own = written("slots: 2\n", "local")
    assert read_machine("local").path == own


def test_commands_name_a_machine_as_the_option_takes_it_back(written, home, monkeypatch):
    own = written("slots: 2\n")
    elsewhere = home / "a lab.yaml"
    elsewhere.write_text("slots: 3\n")
    same_name = home / "box.yaml"
    same_name.write_text("slots: 3\n")
    monkeypatch.chdir(home)
    for given in ("box", own, own.relative_to(home)):
        assert read_machine(given).on == "box"
    for given in (elsewhere, same_name):
        on = read_machine(given.relative_to(home)).on
        monkeypatch.chdir(home.parent)  # it is found from another folder too
        assert read_machine(on).path == given
        monkeypatch.chdir(home)


def test_a_machine_that_is_added_or_changed_changes_no_sweep_and_travels_with_none(written, tmp_path):
    from rnnsweep.state.folder import SweepFolder
    from rnnsweep.state.start import begin

    conf, sweep = tmp_path / "own", write_sweep(tmp_path)
    (tmp_path / "mlruns" / "sweeps" / "toy").mkdir(parents=True)
    (conf / "machine").mkdir(parents=True)
    (conf / "config.yaml").write_text("a: 1\n")

    def start():
        return begin(sweep, mlruns=tmp_path / "mlruns", conf=conf, corpus="c")

    first = start()
    (conf / "machine" / "x.yaml").write_text("engine: ray\naddress: secret-host:1\n")
    assert start() == first
    assert [path.name for path in SweepFolder.of(tmp_path / "mlruns", "toy").conf.rglob("*.yaml")] == [
        "config.yaml"
    ]
