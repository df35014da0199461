"""Every request kazoo can make, and the mistakes it can be made to make."""

import socket
import threading
import time

from kazoo import exceptions
from kazoo.client import KazooClient
from kazoo.security import ACL, Id, OPEN_ACL_UNSAFE, make_digest_acl

SUPER = "super:golden"


def refused(error, call, *args, **kwargs):
    """The call must end in this error of the server."""
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call.__name__} was not refused with {error.__name__}")


def run(port, cut_port, observer):
    hosts = f"127.0.0.1:{port}"
    plain(hosts)
    digest(hosts, observer)
    sasl(hosts)
    reconnect(hosts, cut_port)
    expired(hosts)


def started(hosts, **kwargs):
    client = KazooClient(hosts=hosts, timeout=2.0, **kwargs)
    client.start()
    return client


def plain(hosts):
    client = started(hosts, read_only=True)
    client.create("/golden", b"root")
    client.create("/golden/empty", b"")
    client.create("/golden/text", "Grüße, 世界".encode())
    client.create("/golden/large", bytes(range(256)) * 8)
    client.create("/golden/ephemeral", b"mine", ephemeral=True)
    client.create("/golden/sequence-", b"", sequence=True)
    client.create("/golden/both-", b"", ephemeral=True, sequence=True)
    client.create("/golden/with-stat", b"x", include_data=True)
    client.create("/golden/ünïcödé", b"path")
    refused(exceptions.NodeExistsError, client.create, "/golden", b"again")
    refused(exceptions.NoNodeError, client.create, "/golden/a/b/c", b"")
    refused(exceptions.NoChildrenForEphemeralsError, client.create, "/golden/ephemeral/child", b"")

    client.get("/golden")
    client.get("/golden/empty")
    client.get("/golden/text")
    client.get("/golden/large")
    refused(exceptions.NoNodeError, client.get, "/golden/missing")
    client.exists("/golden")
    client.exists("/golden/missing")
    client.get_children("/golden")
    client.get_children("/golden/empty")
    client.get_children("/golden", include_data=True)
    refused(exceptions.NoNodeError, client.get_children, "/golden/missing")
    client.sync("/golden")

    client.set("/golden/text", b"second")
    client.set("/golden/text", b"third", version=1)
    refused(exceptions.BadVersionError, client.set, "/golden/text", b"fourth", version=1)
    refused(exceptions.BadVersionError, client.delete, "/golden/text", version=7)
    refused(exceptions.NotEmptyError, client.delete, "/golden")
    refused(exceptions.NoNodeError, client.delete, "/golden/missing")
    client.delete("/golden/with-stat")

    transaction = client.transaction()
    transaction.check("/golden", version=0)
    transaction.create("/golden/multi", b"a")
    transaction.set_data("/golden/multi", b"b")
    transaction.delete("/golden/empty", version=0)
    assert len(transaction.commit()) == 4

    transaction = client.transaction()
    transaction.set_data("/golden/multi", b"c")
    transaction.check("/golden", version=99)
    transaction.delete("/golden/multi")
    results = transaction.commit()
    assert isinstance(results[1], exceptions.BadVersionError), results

    assert client.transaction().commit() == []

    seen = threading.Semaphore(0)

    def watcher(_event):
        seen.release()

    client.get("/golden/multi", watch=watcher)
    client.exists("/golden/to-come", watch=watcher)
    client.get_children("/golden", watch=watcher)
    client.set("/golden/multi", b"changed")
    client.create("/golden/to-come")
    client.exists("/golden/to-come", watch=watcher)
    client.delete("/golden/to-come")
    for _ in range(4):
        assert seen.acquire(timeout=10), "a watch said nothing"
    time.sleep(1.5)  # for a ping
    client.stop()
    client.close()


def digest(hosts, observer):
    client = started(hosts, auth_data=[("digest", "user:password")])
    acl = [make_digest_acl("user", "password", all=True), ACL(1, Id("world", "anyone"))]
    client.create("/golden/guarded", b"", acl=acl)
    client.get_acls("/golden/guarded")
    client.set_acls("/golden/guarded", acl[:1] + [ACL(3, Id("ip", "127.0.0.1")), ACL(1, Id("world", "anyone"))])
    refused(exceptions.BadVersionError, client.set_acls, "/golden/guarded", OPEN_ACL_UNSAFE, version=9)
    refused(exceptions.InvalidACLError, client.set_acls, "/golden/guarded", [ACL(31, Id("nosuch", "x"))])
    refused(exceptions.NoAuthError, client.reconfig, observer, None, None)

    stranger = started(hosts)
    stranger.get_acls("/golden/guarded")
    refused(exceptions.NoAuthError, stranger.delete, "/golden/guarded/child")
    refused(exceptions.NoAuthError, stranger.set_acls, "/golden/guarded", OPEN_ACL_UNSAFE)
    # An unknown scheme is refused, and the server hangs up.
    refused((exceptions.AuthFailedError, exceptions.ConnectionLoss), stranger.add_auth, "nosuch", "credentials")
    stranger.stop()
    stranger.close()

    client.add_auth("digest", SUPER)
    client.reconfig(observer, None, None)
    client.reconfig(None, "2", None)
    refused(exceptions.BadVersionError, client.reconfig, observer, None, None, from_config=1)
    client.stop()
    client.close()


def sasl(hosts):
    options = {"mechanism": "DIGEST-MD5", "username": "golden", "password": "secret"}
    client = started(hosts, sasl_options=options)
    client.create("/golden/sasl", b"", acl=[ACL(31, Id("sasl", "golden"))])
    client.get_acls("/golden/sasl")
    client.stop()
    client.close()


def reconnect(hosts, cut_port):
    client = started(hosts)
    session = client.client_id
    client.create("/golden/kept", b"", ephemeral=True)
    socket.create_connection(("127.0.0.1", cut_port)).close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert client.exists("/golden/kept").owner_session_id == session[0]
            break
        except (exceptions.ConnectionLoss, exceptions.SessionExpiredError):
            time.sleep(0.1)
    client.stop()
    client.close()


def expired(hosts):
    """A session that the server does not know."""
    client = started(hosts, client_id=(0x1234, b"p" * 16))
    client.exists("/golden")
    client.stop()
    client.close()
