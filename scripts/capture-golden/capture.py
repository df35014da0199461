#!/usr/bin/env python3
"""Captures golden frames of two clients and a real server; see README.md beside this file."""

import argparse
import base64
import hashlib
import pathlib
import re
import socket
import subprocess
import tempfile
import time

import kazoo

import kazoo_scenario
from proxy import Proxy

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent.parent / "crates" / "zk-jute" / "tests" / "golden"
CLASS_PATH = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"

# A quorum of one, because a server of its own cannot be reconfigured.
CONFIG = """\
tickTime=500
initLimit=10
syncLimit=5
dataDir={data}
admin.enableServer=false
4lw.commands.whitelist=*
standaloneEnabled=false
reconfigEnabled=true
authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider
server.1=127.0.0.1:{quorum}:{election}:participant;127.0.0.1:{client}
"""

JAAS = """\
Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_golden="secret"; };
Client { org.apache.zookeeper.server.auth.DigestLoginModule required username="golden" password="secret"; };
"""

ABOUT = """\
# Frames between {client} and ZooKeeper {server}, captured by scripts/capture-golden.
# connection, direction (> client to server, < server to client), op, bytes of the frame without its length
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def four_letters(port, word):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(word)
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode()


def await_server(server, port):
    """Returns the server's version once it serves."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server has ended"
        try:
            version = re.search(r"Zookeeper version: (\d+\.\d+\.\d+)", four_letters(port, b"srvr"))
            if version:
                return version[1]
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server does not serve")


def write(name, client, server, records):
    """Writes a file of frames; of repeated pings one is enough."""
    lines, seen = [], set()
    for connection, direction, op, frame in records:
        if op == "ping":
            if (connection, direction) in seen:
                continue
            seen.add((connection, direction))
        lines.append(f"{connection} {direction} {op} {frame.hex()}\n")
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / name).write_text(ABOUT.format(client=client, server=server) + "".join(lines))
    print(f"{name}: {len(lines)} frames")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--java", default="java", help="the java command")
    parser.add_argument("--class-path", default=CLASS_PATH, help="where ZooKeeper's jars are")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        data = scratch / "data"
        data.mkdir()
        (data / "myid").write_text("1")
        client, quorum, election, *of_observer = free_ports(6)
        observer = "server.2=127.0.0.1:{}:{}:observer;127.0.0.1:{}".format(*of_observer)
        (scratch / "zoo.cfg").write_text(CONFIG.format(data=data, client=client, quorum=quorum, election=election))
        (scratch / "jaas.conf").write_text(JAAS)
        jaas = f"-Djava.security.auth.login.config={scratch / 'jaas.conf'}"
        digest = base64.b64encode(hashlib.sha1(kazoo_scenario.SUPER.encode()).digest()).decode()
        java = [options.java, "-cp", options.class_path, jaas, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
        server = subprocess.Popen(
            java
            + [
                "-Xmx128m",
                "-Dzookeeper.extendedTypesEnabled=true",
                f"-Dzookeeper.DigestAuthenticationProvider.superDigest=super:{digest}",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                str(scratch / "zoo.cfg"),
            ]
        )
        try:
            version = await_server(server, client)
            proxy = Proxy(client)
            kazoo_scenario.run(proxy.port, proxy.cut_port, observer)
            write(f"kazoo-{kazoo.__version__}.txt", f"kazoo {kazoo.__version__}", version, proxy.take())
            scenario = [str(HERE / "JavaScenario.java"), f"127.0.0.1:{proxy.port}", str(proxy.cut_port), observer]
            subprocess.run(java + scenario, check=True, timeout=300)
            write(f"java-{version}.txt", f"ZooKeeper's Java client {version}", version, proxy.take())
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    main()
