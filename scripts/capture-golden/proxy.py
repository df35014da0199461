"""A proxy between ZooKeeper clients and a server that writes down every frame, with the op it belongs to."""

import socket
import struct
import threading

# Source: ZooDefs.OpCode.
OPS = {
    1: "create", 2: "delete", 3: "exists", 4: "getData", 5: "setData", 6: "getACL", 7: "setACL", 8: "getChildren",
    9: "sync", 11: "ping", 12: "getChildren2", 13: "check", 14: "multi", 15: "create2", 16: "reconfig",
    17: "checkWatches", 18: "removeWatches", 19: "createContainer", 21: "createTTL", 22: "multiRead", 100: "auth",
    101: "setWatches", 102: "sasl", 103: "getEphemerals", 104: "getAllChildrenNumber", 105: "setWatches2",
    106: "addWatch", 107: "whoAmI", -11: "closeSession",
}
NOTIFICATION_XID = -1


class Proxy:
    """Listens on two ports of the loopback: `port` for clients; a connection to `cut_port` drops all of theirs."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.records = []  # (connection number, "<" or ">", op, frame)
        self._lock = threading.Lock()
        self._open = []
        self._connections = 0
        self.port = self._listen(self._serve)
        self.cut_port = self._listen(self._cut)

    def take(self):
        """Returns what has been recorded, in order, and starts afresh."""
        with self._lock:
            records, self.records, self._connections = self.records, [], 0
            return records

    def _listen(self, handle):
        listener = socket.create_server(("127.0.0.1", 0))

        def accept():
            while True:
                handle(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def _cut(self, asker):
        with self._lock:
            doomed, self._open = self._open, []
        for end in doomed:
            shut(end)
        asker.close()

    def _serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.server_port))
        with self._lock:
            number, self._connections = self._connections, self._connections + 1
            self._open += [client, server]
        pending = {}  # xid -> op of the request
        for source, sink, direction in ((client, server, ">"), (server, client, "<")):
            args = (number, source, sink, direction, pending)
            threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _pump(self, number, source, sink, direction, pending):
        first = True
        try:
            while True:
                head = read_exactly(source, 4)
                frame = read_exactly(source, struct.unpack(">i", head)[0])
                op = "connect" if first else resolve(frame, direction, pending)
                first = False
                with self._lock:
                    self.records.append((number, direction, op, frame))
                sink.sendall(head + frame)
        except (OSError, EOFError):
            shut(source)
            shut(sink)


def resolve(frame, direction, pending):
    """The op of a request, or of the request that a reply answers."""
    xid = struct.unpack_from(">i", frame)[0]
    if direction == ">":
        pending[xid] = OPS[struct.unpack_from(">i", frame, 4)[0]]
        return pending[xid]
    return "notification" if xid == NOTIFICATION_XID else pending[xid]


def read_exactly(source, count):
    parts = []
    while count > 0:
        part = source.recv(count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def shut(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
