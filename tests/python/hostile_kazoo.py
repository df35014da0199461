"""kazoo before a hostile server: a child of the program hostile-comparison, and as its other children.

A task in, "ready" out; anything in, an ending out; anything in, whether it works again out. One line of JSON each. The times
are those of the workspace's own client where kazoo has such settings; a call has no limit of time in kazoo.
"""

import json
import os
import sys
import tempfile
import threading
import time

from kazoo.client import KazooClient

HANGS = 5.0
RECOVERS = 7.0
NEW_CLIENT = 3.0
CONNECT = 0.4


def say(what):
    print(json.dumps(what), flush=True)


def hear():
    return json.loads(sys.stdin.readline())


def client_of(hosts, tls):
    options = {}
    if tls:
        options = {"use_ssl": True, "ca": tls[0], "certfile": tls[1], "keyfile": tls[2], "check_hostname": False}
    retry = {"max_tries": -1, "delay": 0.05, "max_delay": 0.5}
    return KazooClient(hosts, timeout=2.0, randomize_hosts=False, connection_retry=retry, **options)


def ask(client, what):
    if what == "get-data":
        client.get("/")
    elif what == "two-reads":
        for asked in [client.get_async("/"), client.get_async("/")]:
            asked.get()
    elif what == "get-children":
        client.get_children("/", include_data=True)
    elif what == "multi":
        transaction = client.transaction()
        transaction.check("/", -1)
        transaction.check("/", -1)
        if len(transaction.commit()) != 2:
            raise ValueError("not two results")
    elif what == "create":
        client.create("/n", b"", include_data=True)
    elif what == "multi-create":
        transaction = client.transaction()
        transaction.create("/n", b"")
        for result in transaction.commit():
            if isinstance(result, Exception):
                raise result


def ended(call):
    """Runs the call on a thread, because it may hang."""
    ending = {"outcome": "hangs", "detail": ""}

    def work():
        try:
            call()
            ending.update(outcome="answer")
        except BaseException as error:
            ending.update(outcome="error", detail=f"{type(error).__name__}: {error}"[:200])

    started = time.monotonic()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(HANGS)
    return {**ending, "ms": int((time.monotonic() - started) * 1000)}


def works(client, limit, started):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            if not started:
                client.start(timeout=1)
                started = True
            if client.get_async("/honest").get(timeout=1)[0] == b"yes":
                return True
        except BaseException:
            time.sleep(0.02)
    return False


def main():
    task = hear()
    directory = tempfile.TemporaryDirectory()
    tls = None
    if task["tls"]:
        tls = [os.path.join(directory.name, name) for name in ("ca", "certificate", "key")]
        for path, pem in zip(tls, task["tls"]):
            with open(path, "w") as file:
                file.write(pem)
    warm = client_of(task["honest"], tls)
    warm.start(timeout=HANGS)
    warm.get("/honest")
    warm.stop()
    warm.close()
    say("ready")
    hear()

    hosts = f"{task['bad']},{task['gate']}{task['chroot']}"
    client = client_of(hosts, tls)
    if task["ask"] == "watched":
        say({"outcome": "cannot", "detail": "no persistent watches", "ms": 0})
        os._exit(0)
    # A start that fails is undone by kazoo itself; one that does not must not be repeated.
    started = threading.Event()
    if task["in_the_session"]:
        started.set()
        # With a chroot start() asks whether it exists, which the script does not foresee.
        client.start_async().wait(HANGS)
        say(ended(lambda: ask(client, task["ask"])))
    else:

        def both():
            client.start(timeout=CONNECT)
            started.set()
            ask(client, task["ask"])

        say(ended(both))
    hear()
    if works(client, RECOVERS, started.is_set()):
        say({"again": "yes"})
    else:
        say({"again": "new client" if works(client_of(hosts, tls), NEW_CLIENT, False) else "no"})
    os._exit(0)


main()
