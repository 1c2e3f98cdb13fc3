"""What lies beside the project's files when a wheel is built: it is not handed on."""

import subprocess
import sys
import tarfile
import zipfile

import pytest

BESIDE = (".env", "conf/secret.yaml", "conf/model/mine.yaml", "src/rnnsweep/leak.py", "notes.txt")


def build(project, into):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", str(into)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (wheel,), (sdist,) = into.glob("*.whl"), into.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        return zipfile.ZipFile(wheel).namelist(), packed.getnames()


@pytest.mark.slow
def test_a_wheel_and_an_sdist_hold_tracked_files_alone(root, tmp_path):
    if not (root / ".git").exists():
        pytest.skip("no clone")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True, capture_output=True)
    for name in ("hatch_build.py", "pyproject.toml"):
        (clone / name).write_bytes((root / name).read_bytes())
    for name in BESIDE:
        (clone / name).write_text("secret")
    wheel, sdist = build(clone, tmp_path / "built")
    for name in BESIDE:
        leaf = name.rpartition("/")[2]
        assert [one for one in [*wheel, *sdist] if one.endswith(f"/{leaf}")] == []
    assert "rnnsweep/conf/config.yaml" in wheel
    assert "rnnsweep/sweeps/quickstart.yaml" in wheel

    with tarfile.open(next((tmp_path / "built").glob("*.tar.gz"))) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    again, _ = build(unpacked, tmp_path / "again")
    assert set(again) == set(wheel)


@pytest.mark.slow
def test_an_editable_wheel_holds_the_clones_path_and_none_of_its_files(root, tmp_path):
    if not (root / ".git").exists():
        pytest.skip("no clone")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True, capture_output=True)
    for name in BESIDE:
        (clone / name).write_text("secret")
    (tmp_path / "built").mkdir()
    program = f"from hatchling.build import build_editable; build_editable({str(tmp_path / 'built')!r})"
    subprocess.run([sys.executable, "-c", program], cwd=clone, check=True, capture_output=True)
    (wheel,) = (tmp_path / "built").glob("*.whl")
    packed = zipfile.ZipFile(wheel)
    (place,) = (name for name in packed.namelist() if ".dist-info/" not in name)
    assert place.endswith(".pth")
    assert packed.read(place).decode().strip() == str(clone / "src")
