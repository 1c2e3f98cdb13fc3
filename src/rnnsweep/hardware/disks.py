"""The file system that a path lies on."""

from pathlib import Path

import psutil

NETWORK = ("nfs", "cifs", "smb", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "fuse.sshfs", "glusterfs")


def is_on_network(path: Path) -> bool:
    """Return whether a path lies on a file system that several hosts may share, by the type of its mount."""
    place = path.resolve()
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    nearest = next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")
    return nearest.startswith(NETWORK)
