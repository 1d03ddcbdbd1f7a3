"""`simpletext serve` as a process: its port, its answers to many clients, its memory."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import TEXTS

from simpletext.errors import ArgumentError
from simpletext.serving import server

pytest.importorskip("uvicorn")

COMMAND = [sys.executable, "-c", "from simpletext.cli import main; main()", "serve"]
CLIENTS, SECONDS = 8, 30


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "saved"
    trained.predictor.save(folder)
    return folder


def test_a_missing_extra_is_told_before_anything_else(monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    message = r"Serving needs fastapi and uvicorn: pip install 'simpletext-keras\[serve\]'"
    with pytest.raises(ArgumentError, match=message):
        server.serve("no such folder")


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_told_before_the_loading():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"Port {port} of '127.0.0.1' can't be listened on"):
            server.serve("no such folder", port=port)
    with pytest.raises(ArgumentError, match=r"can't be listened on.*--host"):
        server.serve("no such folder", host="192.0.2.1")
    with pytest.raises(ArgumentError, match=r"'a.*' can't be listened on.*--host"):
        server.serve("no such folder", host="a\0b")
    with pytest.raises(ArgumentError, match="port=70000; it must be a whole number from 0"):
        server.serve("no such folder", port=70000)


@pytest.mark.enable_socket
def test_what_is_told_at_the_start(saved, monkeypatch, capsys):
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    server.serve(saved, port=0)
    told = capsys.readouterr().err
    assert re.search(r"serving Predictor\(.*\) at http://127\.0\.0\.1:\d+ \(Ctrl-C ends it\)", told)
    assert "no password" not in told
    server.serve(saved, host="0.0.0.0", port=0)
    assert "has no password: whoever can reach this machine can use it" in capsys.readouterr().err


@contextmanager
def running(folder):
    """The address and the process of a server."""
    command = [*COMMAND, str(folder), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stderr.readline, "")
            found = next(filter(None, (re.search(r"at (http://\S+)", line) for line in lines)))
            yield found[1], process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def post(address, content):
    header = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/predict", json.dumps(content).encode(), header)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def resident(process):
    """Resident memory in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


@pytest.mark.slow
@pytest.mark.enable_socket
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")
def test_eight_clients_for_thirty_seconds(saved):
    with running(saved) as (address, process):

        def client(number):
            answered, ends = 0, time.monotonic() + SECONDS
            while time.monotonic() < ends:
                texts = [TEXTS[(number + i * answered) % len(TEXTS)] * (i + 1) for i in range(4)]
                assert len(post(address, {"texts": texts})) == 4
                answered += 1
            return answered

        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client, number) for number in range(CLIENTS)]
            time.sleep(SECONDS / 3)  # until all lengths were computed once
            before = resident(process)
            answered = sum(each.result() for each in clients)
        after = resident(process)
        with urllib.request.urlopen(f"{address}/health", timeout=10) as health:
            assert json.load(health)["status"] == "ok"
    print(f"{answered / SECONDS:.0f} requests/s, {before:.0f} -> {after:.0f} MiB")
    assert answered > 10 * SECONDS
    assert after < before * 1.05
