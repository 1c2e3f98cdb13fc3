"""The report in headless Chromium: nothing leaves, nothing complains, nothing sticks out."""

import json
import re
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from sweep_records import LEVELS, make_curves, make_runs

from rnnsweep.comparison import compare_records, write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]
# a window is never narrower than 500 pixels; a frame is
FRAME = """<!DOCTYPE html><link rel="icon" href="data:,">
<body><iframe src="report.html" width="{width}" height="900" style="border:0"></iframe></body>"""
# runs in the page after its own script: hides one architecture, then measures
PROBE = """<script>
addEventListener("load", function () {
  var box = document.querySelector('[data-toggle="gru"]');
  box.click();
  var shown = document.querySelectorAll('[data-a="gru"]:not(.hidden)').length;
  box.click();
  parent.document.body.dataset.probe = JSON.stringify({
    inner: innerWidth, wide: document.documentElement.scrollWidth, shown: shown,
    again: document.querySelectorAll(".hidden").length,
    unnamed: document.querySelectorAll("svg:not([aria-label])").length
  });
});
</script></body>"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and remembers what was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    runs = make_runs({**LEVELS, "stacked_bilstm_with_a_long_name": 0.69})
    path = write_report(compare_records(runs, make_curves(runs), sweep="demo"), folder / "report.html")
    path.write_text(path.read_text().replace("</body>", PROBE))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    server.asked, server.folder = [], folder
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("width", [400, 1400])
def test_the_report_in_a_browser(site, tmp_path, width):
    site.asked.clear()
    (site.folder / "frame.html").write_text(FRAME.format(width=width))
    url = f"http://127.0.0.1:{site.server_address[1]}/frame.html"
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={tmp_path}",
        "--window-size=1500,1000",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(re.search(r'data-probe="([^"]*)"', done.stdout).group(1).replace("&quot;", '"'))
    assert site.asked == ["/frame.html", "/report.html"]
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert found["inner"] == width
    assert found["wide"] <= width
    assert (found["shown"], found["again"], found["unnamed"]) == (0, 0, 0)
