"""What Slurm is asked for, and what it refuses: its own commands, each with a time limit."""

import getpass
import shutil
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.controller.request import slots_of_agent
from rnnsweep.launchers.agents.transport import Room
from rnnsweep.machine import Machine, Share

COMMANDS = ("sbatch", "srun", "squeue", "scancel", "sinfo", "scontrol")
COMMAND_S = 30.0
PING_S = 4.0  # that Slurm's controller may take to answer at all
LEAST_MINUTES = 5  # Slurm warns up to 150 s before the time limit: a shorter job would be warned as it starts
WARNING_S, EARLY_S = 90, 60  # before the time limit; Slurm may warn so much earlier
# what slots and slurm: of a machine's file may ask for
SHOWS_NODES = "`sinfo -N -o '%P %N %c %m %G'` lists partitions and nodes with their CPUs, memory and GPUs"
SHOWS_TIMES = "`sinfo -o '%P %l'` lists partitions and their time limits"
TOO_LONG = "(PartitionTimeLimit)"  # a job that its partition never runs waits; sbatch takes it all the same
_NAMES = {"memory": "mem"}  # in a machine's file -> for sbatch and submitit
_NOT_OF_SUBMITIT = ("reservation",)
_REAPER = 'cat >/dev/null; scancel --quiet --user="$1" --name="$2"; rm -rf -- "$3"'


def check_slurm(machine: Machine) -> None:
    """Refuse a machine without Slurm or submitit, and a cluster that does not answer.

    Raises:
        UserError: one of them.
    """
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        raise UserError(
            f"{machine.path}: engine slurm: {missing[0]} is not on the path",
            remedy="run this where jobs are submitted, such as a login node",
        )
    if find_spec("submitit") is None:
        raise UserError(
            f"{machine.path}: engine slurm needs submitit", remedy="pip install 'rnnsweep[slurm]'"
        )
    if _minutes(machine) < LEAST_MINUTES:
        raise UserError(
            f"{machine.path}: slurm.time: {_minutes(machine)}: must be at least {LEAST_MINUTES} minutes: an"
            " agent ends its trials two minutes before the limit"
        )
    try:
        answer = run("scontrol", "ping", seconds=PING_S)
    except subprocess.TimeoutExpired:
        reason = f"no answer within {PING_S:g} s"
    else:
        if " is UP" in answer.stdout:
            return
        reason = reason_of(answer.stderr) or reason_of(answer.stdout) or "no answer"
    raise UserError(
        f"{machine.path}: engine slurm: Slurm's controller does not answer: {reason}",
        remedy="`scontrol ping` shows when it does; SLURM_CONF names another cluster's settings",
    )


def rooms_of(machine: Machine, request: Share) -> tuple[Room, ...]:
    """Return one room for each job: as many as come to the slots that are wanted.

    Which node a job gets is Slurm's to decide, so each room counts as a node of its own.

    Raises:
        UserError: the number of slots is left open.
    """
    if request.most is None:
        raise UserError(
            f"{machine.path}: slots: engine slurm needs their number",
            remedy="write slots: {each: cpu:1, most: 8} there, or give --slots 8",
        )
    together = min(request.together or request.share or 1, request.most)
    sizes = [min(together, request.most - first) for first in range(0, request.most, together)]
    threads, share = request.threads, request.share
    seconds = 60.0 * _minutes(machine) - WARNING_S - EARLY_S
    return tuple(
        Room(f"job-{number}", slots_of_agent(size, threads=threads, share=share), seconds=seconds)
        for number, size in enumerate(sizes, 1)
    )


def job_parameters(machine: Machine, request: Share, slots: int) -> dict[str, Any]:
    """Return what the job of an agent asks for, by the names that sbatch and submitit have for it."""
    own = {_NAMES.get(key, key): value for key, value in machine.slurm.items() if key != "folder"}
    gpus = 0 if request.share is None else -(-slots // request.share)
    resources = {"gres": f"gpu:{gpus}"} if gpus else {}
    fixed = {"time": _minutes(machine), "nodes": 1, "ntasks_per_node": 1}
    return {**fixed, "cpus_per_task": slots * request.threads, **resources, **own}


def for_submitit(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a job as submitit's executor takes them.

    A job is never requeued by Slurm: that would start a second agent of the same name.
    """
    more = {key: parameters[key] for key in _NOT_OF_SUBMITIT if key in parameters}
    own = {key: value for key, value in parameters.items() if key not in more}
    return {**own, "signal_delay_s": WARNING_S, "additional_parameters": {"no-requeue": True, **more}}


def check_job(machine: Machine, parameters: Mapping[str, Any]) -> None:
    """Ask Slurm whether it would ever run such a job; none is submitted.

    Raises:
        UserError: it refuses it, as for a partition that is not there or more CPUs than any node has.
    """
    options = [f"--{key.replace('_', '-')}={value}" for key, value in parameters.items()]
    try:
        answer = run("sbatch", "--test-only", *options, "--wrap=true")
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{machine.path}: engine slurm: sbatch took longer than {COMMAND_S:g} s",
            remedy="try again when `sinfo` answers at once",
        ) from None
    if answer.returncode:
        job = ", ".join(f"{key}={value}" for key, value in parameters.items())
        raise UserError(
            f"{machine.path}: Slurm refuses a job with {job}: {reason_of(answer.stderr)}", remedy=SHOWS_NODES
        )


def _address_of_a_node(machine: Machine) -> str | None:
    """Return where Slurm reaches one node of the partition; None where it does not say."""
    partition = machine.slurm.get("partition")
    options = () if partition is None else (f"--partition={partition}",)
    try:
        answer = run("sinfo", "--noheader", "--Node", "--format=%o", *options)
    except subprocess.TimeoutExpired:
        return None
    return next(iter(answer.stdout.split()), None)


def listen_address(machine: Machine) -> tuple[str, int]:
    """Return where nodes find this machine: as the file says, or the address from which it reaches a node."""
    if machine.address is None:
        return _own_address(machine), 0
    host, _, port = machine.address.rpartition(":")
    if host and port.isascii() and port.isdecimal():
        return host, int(port)
    return machine.address, 0


def _own_address(machine: Machine) -> str:
    node = _address_of_a_node(machine)
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node or socket.gethostname(), 9))  # sends nothing: the system chooses an address
        return str(probe.getsockname()[0])
    return socket.gethostname()


def nodes_of_jobs(name: str) -> dict[str, str] | None:
    """Return the jobs of a name that wait or run; None where Slurm does not say.

    Each has its node, or in parentheses why it waits.
    """
    mine = (f"--user={getpass.getuser()}", f"--name={name}")
    try:
        answer = run("squeue", "--noheader", *mine, "--format=%i %R")
    except subprocess.TimeoutExpired:
        return None
    pairs = (line.split(maxsplit=1) for line in answer.stdout.splitlines() if line.strip())
    return None if answer.returncode else {job: "".join(node).strip() for job, *node in pairs}


def drained_nodes() -> set[str]:
    """Return the nodes that take no new jobs; none where Slurm does not say."""
    try:
        answer = run("sinfo", "--noheader", "--Node", "--states=draining,drained", "--format=%N")
    except subprocess.TimeoutExpired:
        return set()
    return set(answer.stdout.split())


def start_reaper(name: str, folder: str) -> "subprocess.Popen[bytes]":
    """Start a process that cancels all jobs of a name and removes a folder once its input ends.

    Its input ends when this process closes it, or is killed.
    """
    return subprocess.Popen(
        ["sh", "-c", _REAPER, "sh", getpass.getuser(), name, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the controller
    )


def run(*command: str, seconds: float = COMMAND_S) -> "subprocess.CompletedProcess[str]":
    """Run a command of Slurm.

    Raises:
        subprocess.TimeoutExpired: it took too long.
    """
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
    )


def reason_of(text: str) -> str:
    """Return the line of what a command of Slurm printed that says most, never a row of asterisks."""
    lines = [line for line in (line.strip() for line in text.splitlines()) if line.strip("*")]
    if down := [line for line in lines if line.endswith(" is DOWN")]:  # of scontrol ping
        return down[0][:300]
    for line in lines:
        for start in ("sbatch: error: ", "allocation failure: "):
            if start in line:
                return line.partition(start)[2].strip()[:300]
    return lines[-1][:300] if lines else ""


def _minutes(machine: Machine) -> int:
    return int(machine.slurm.get("time", 60))
