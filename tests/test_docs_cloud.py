"""docs/cloud.md: Ray, Amazon's client and rnnsweep take its files, and Ray its commands."""

import os
import shlex
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from test_docs import ROOT, blocks, command_lines
from test_machine_files import written  # noqa: F401

from rnnsweep.launchers.ray.cluster import rooms_of
from rnnsweep.machine import read_machine

PAGE = [block for block in blocks("yaml", "sh") if block.page == "cloud.md"]
YAML = [block.body for block in PAGE if block.language == "yaml"]
SHELL = [block for block in PAGE if block.language == "sh"]
(CLUSTER,) = [yaml.safe_load(text) for text in YAML if text.startswith("cluster_name:")]
(MACHINE,) = [text for text in YAML if text.startswith("engine:")]
(NOTICE,) = [block.body for block in SHELL if block.body.startswith("at=")]


@pytest.fixture
def cloud(written):  # noqa: F811
    """The machine of the page."""
    return read_machine(written(MACHINE, "cloud"))


def test_ray_takes_the_file_of_the_cluster():
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(CLUSTER))
    with pytest.raises(Exception, match="docket"):  # it refuses a key with a slip
        util.validate_config(util.prepare_config({**CLUSTER, "docket": {}}))


@pytest.mark.parametrize("kind", CLUSTER["available_node_types"])
def test_amazons_client_takes_what_the_file_says_of_a_machine(kind):
    botocore = pytest.importorskip("botocore.session")
    from botocore.validate import ParamValidator

    asked = {**CLUSTER["available_node_types"][kind]["node_config"], "MinCount": 1, "MaxCount": 1}
    shape = botocore.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape
    assert ParamValidator().validate(asked, shape).generate_report() == ""
    wrong = {**asked, "InstanceKind": "large"}
    assert "InstanceKind" in ParamValidator().validate(wrong, shape).generate_report()


def test_each_agent_that_the_machine_file_asks_for_fits_on_one_machine_of_the_cluster(cloud):
    head, spot = (CLUSTER["available_node_types"][name]["resources"] for name in ("head", "spot"))
    nodes = [{"Alive": True, "NodeManagerAddress": "head", "NodeID": "1", "Resources": head}]
    rooms = rooms_of(nodes, cloud.slots, place="cloud")
    assert {(room.node_id, room.cpus, room.gpus) for room in rooms} == {(None, spot["CPU"], spot["GPU"])}
    assert len(rooms) == CLUSTER["max_workers"] == CLUSTER["available_node_types"]["spot"]["max_workers"]
    assert (cloud.slots.autoscale, cloud.engine, cloud.address) == (True, "ray", "auto")


def test_the_versions_of_ray_on_the_page_are_ones_that_rnnsweep_takes():
    page = (ROOT / "docs" / "cloud.md").read_text()
    wanted = (ROOT / "pyproject.toml").read_text()
    assert 'cluster = ["ray>=2.50,<2.61"]' in wanted
    assert page.count("2.60.0") == 3


def test_each_command_of_ray_is_one_that_its_command_line_takes():
    scripts = pytest.importorskip("ray.scripts.scripts")
    starts = [*CLUSTER["head_start_ray_commands"], *CLUSTER["worker_start_ray_commands"]]
    lines = [line for block in SHELL for line in command_lines(block)] + starts
    seen = set()
    for line in lines:
        for part in line.replace("&& ray", "; ray").split(";"):
            words = shlex.split(part, comments=True)
            words = words[1:] if words and "=" in words[0] else words
            if words[:1] != ["ray"]:
                continue
            command = scripts.cli.get_command(None, words[1])
            assert command is not None, words
            command.make_context(words[1], words[2:])
            seen.add(words[1])
    assert seen == {
        *("get-auth-token", "up", "down", "attach", "exec", "rsync-up", "rsync-down"),
        *("start", "stop", "drain-node"),
    }


@pytest.fixture
def announced():
    """Amazon's address that a machine asks about itself; the third question finds a notice."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            self._say(200, b"key" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else b"")

        def do_GET(self):
            assert self.path == "/latest/meta-data/spot/instance-action"
            asked.append(self.headers["X-aws-ec2-metadata-token"])
            self._say(200 if len(asked) > 2 else 404, b'{"action": "terminate"}')

        def _say(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_spot_instance_with_a_notice_is_drained_once_and_one_without_is_not(announced, tmp_path):
    address, asked = announced
    ray = tmp_path / "bin" / "ray"
    ray.parent.mkdir()
    ray.write_text('#!/bin/sh\necho "$RAY_AUTH_MODE" "$@" >>"$SAID"\n')
    ray.chmod(0o755)
    (tmp_path / "notice.sh").write_text(NOTICE)
    environment = {
        "PATH": f"{ray.parent}:{os.environ['PATH']}",
        "NOTICE": address,
        "EVERY": "0.1",
        "SAID": str(tmp_path / "said"),
    }
    subprocess.run(["sh", tmp_path / "notice.sh"], env=environment, check=True, timeout=60)
    assert asked == ["key"] * 3
    (said,) = (tmp_path / "said").read_text().splitlines()
    assert said.startswith("token drain-node --reason DRAIN_NODE_REASON_PREEMPTION")
