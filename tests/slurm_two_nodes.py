"""A real Slurm on loopback: two nodes of one core and two pretended GPUs each, of this process alone."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "srun")
READY_S = 30.0

_CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SchedulerParameters=sched_interval=1,bf_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
MinJobAge=30
SlurmdTimeout=10
SlurmctldTimeout=10
MessageTimeout=5
InactiveLimit=0
ReturnToService=2
NodeName=DEFAULT CPUs=1 RealMemory=1000 Gres=gpu:2
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}]
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=20
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
PartitionName=short Nodes=ALL MaxTime=10 State=UP PriorityTier=1
"""


def skip_where_it_cannot_run():
    """Skip the tests of a machine without Slurm, or without root, which its daemons need."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if missing:
        pytest.skip(f"needs {missing[0]} (Debian: slurm-wlm, munge)")
    if os.geteuid() != 0:
        pytest.skip("needs root: slurmd starts jobs for users")


def _path():
    return f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"


def _ports():
    """Three free ports, the last two in a row: Slurm wants a range for the nodes."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            second.bind(("127.0.0.1", 0))
            port = second.getsockname()[1]
            try:
                third.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return first.getsockname()[1], port, port + 1


class Slurm:
    """Munge, slurmctld and two slurmd. Set `SLURM_CONF` to `conf` to use it.

    `changed` are lines of slurm.conf in place of those of the same name, `groups` those of cgroup.conf.
    """

    def __init__(self, changed="", groups=""):
        self._changed, self._groups = changed, groups
        self.folder = Path(
            tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
        )  # the path of a socket must be short
        self.conf = self.folder / "slurm.conf"
        self.processes = []
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        folder, run = self.folder, self.folder / "run"
        for name in ("state", "log", "run", "spool"):
            (folder / name).mkdir()
        folder.chmod(0o755)
        run.chmod(0o711)
        host = socket.gethostname().partition(".")[0]
        text = _CONF.format(folder=folder, host=host, ports=_ports())
        names = {line.partition("=")[0] for line in self._changed.splitlines()}
        kept = [line for line in text.splitlines() if line.partition("=")[0] not in names]
        self.conf.write_text("\n".join([*kept, self._changed, ""]))
        (folder / "cgroup.conf").write_text(self._groups)
        gres = "".join(f"NodeName=n{n} Name=gpu File=/dev/tty[1-2]\n" for n in (1, 2))
        (folder / "gres.conf").write_text(gres)
        (run / "munge.key").touch(0o400)
        (run / "munge.key").write_bytes(os.urandom(128))
        (run / "munge.key").chmod(0o400)
        self._daemon(
            ["munged", "--force", "--foreground", "--num-threads=1"]
            + [f"--{name}={run}/munge.{end}" for name, end in _MUNGE.items()]
            + [f"--log-file={folder}/log/munge.log"]
        )
        self._wait(lambda: (run / "munge.socket").exists())
        self._daemon(["slurmctld", "-D", "-c"])
        for node in ("n1", "n2"):
            self._daemon(["slurmd", "-D", "-N", node])
        self._wait(
            lambda: self.command("sinfo", "-h", "-N", "-p", "main", "-o", "%t").split() == ["idle"] * 2
        )

    def _daemon(self, command):
        environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(self.conf)}
        with (self.folder / "log" / f"{command[0]}.out").open("ab") as log:
            self.processes.append(
                subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _wait(self, done):
        end = time.monotonic() + READY_S
        while not done():
            assert time.monotonic() < end, (self.folder / "log" / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.05)

    def command(self, *command):
        """Run a command of Slurm; return what it printed."""
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, check=False
        ).stdout

    def jobs(self):
        """The ids of all jobs that wait, run or end."""
        return self.command("squeue", "-h", "-o", "%i").split()

    def close(self):
        """Cancel what runs, and end the daemons with all that they started."""
        if len(self.processes) > 1:
            self.command("scancel", "--signal=KILL", "--full", *self.jobs())
        for process in reversed(self.processes):
            family = (
                [process, *psutil.Process(process.pid).children(recursive=True)] if _lives(process) else []
            )
            for each in family:
                _kill(each)
            process.wait(timeout=10)
        for process in self._left():
            _kill(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self):
        """What jobs left that has no parent any more: `slurmstepd`, and all that it started."""
        here = psutil.Process()
        ours = {here, *here.children(recursive=True)}
        for process in set(psutil.process_iter()) - ours:
            with suppress(psutil.Error):
                is_of_a_job = process.environ().get("SLURM_CONF") == str(self.conf)
                if is_of_a_job or any(str(self.folder) in file.path for file in process.open_files()):
                    yield process  # slurmstepd overwrites its environment with its title


_MUNGE = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}


def _lives(process):
    return process.poll() is None


def _kill(process):
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
