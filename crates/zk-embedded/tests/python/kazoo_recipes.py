"""What a user of kazoo does, against the servers given as the only argument. Ends with 0 if all of it works.

Nothing of kazoo is replaced or patched here.
"""
import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError, NoAuthError, NodeExistsError, NoNodeError, NotEmptyError, RolledBackError, RuntimeInconsistency,
)
from kazoo.protocol.states import EventType, WatchedEvent
from kazoo.security import make_acl, make_digest_acl

HOSTS = sys.argv[1]
SOON = 10


def client(**options):
    started = KazooClient(hosts=HOSTS, timeout=10, **options)
    started.start(timeout=SOON)
    return started


def raises(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError('%s%r did not raise %s' % (call, args, error))


def data_operations(zk):
    assert zk.server_version()[:2] == (3, 8), zk.server_version()
    assert zk.command(b'ruok') == 'imok'
    path, stat = zk.create('/data', b'one', include_data=True)
    assert path == '/data' and stat.version == 0 and stat.czxid == zk.last_zxid
    raises(NodeExistsError, zk.create, '/data', b'')
    assert zk.get('/data')[0] == b'one'
    assert zk.set('/data', b'two', version=0).version == 1
    raises(BadVersionError, zk.set, '/data', b'three', version=0)
    assert zk.exists('/none') is None
    raises(NoNodeError, zk.get, '/none')
    zk.ensure_path('/data/a/b/c')
    assert zk.get_children('/data') == ['a']
    raises(NotEmptyError, zk.delete, '/data/a')
    zk.delete('/data', recursive=True)
    assert zk.exists('/data') is None
    assert zk.sync('/') == '/'
    numbered = [zk.create('/n-', sequence=True) for _ in range(3)]
    assert [int(path[3:]) for path in numbered] == list(range(int(numbered[0][3:]), int(numbered[0][3:]) + 3))


def watches(zk, other):
    zk.create('/watched', b'0')
    told, changed = [], threading.Event()

    def once(event):
        told.append(event)
        changed.set()

    zk.get('/watched', watch=once)
    other.set('/watched', b'1')
    assert changed.wait(SOON)
    assert told == [WatchedEvent(EventType.CHANGED, KazooState.CONNECTED, '/watched')], told

    values, children, done = [], [], threading.Event()

    @zk.DataWatch('/watched')
    def data_changed(data, stat):
        values.append(data)
        if data is None:
            done.set()

    @zk.ChildrenWatch('/watched')
    def children_changed(names):
        children.append(sorted(names))

    for value in (b'2', b'3'):
        other.set('/watched', value)
    other.create('/watched/child')
    other.delete('/watched/child')
    other.delete('/watched')
    assert done.wait(SOON)
    assert values[0] == b'1' and values[-1] is None and children[0] == [], (values, children)


def transactions(zk):
    transaction = zk.transaction()
    transaction.create('/t', b'1')
    transaction.create('/t/a', ephemeral=True)
    transaction.set_data('/t', b'2', version=0)
    transaction.check('/t', version=1)
    transaction.delete('/t/a')
    results = transaction.commit()
    assert results[0] == '/t' and results[2].version == 1 and results[3] is True and results[4] is True, results
    transaction = zk.transaction()
    transaction.set_data('/t', b'3')
    transaction.check('/t', version=7)
    transaction.delete('/t')
    results = transaction.commit()
    assert [type(result) for result in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert zk.get('/t')[0] == b'2'


def recipes(zk, other):
    order, first, second = [], zk.Lock('/lock', 'one'), other.Lock('/lock', 'two')
    assert first.acquire(timeout=SOON)
    waiting = threading.Thread(target=lambda: second.acquire(timeout=SOON) and order.append('two'))
    waiting.start()
    while first.contenders() != ['one', 'two']:
        pass
    order.append('one')
    first.release()
    waiting.join(SOON)
    assert order == ['one', 'two'], order
    second.release()

    led, leave = [], threading.Event()

    def lead(name):
        led.append(name)
        leave.wait(SOON)

    elections = [(zk.Election('/election', 'one'), 'one'), (other.Election('/election', 'two'), 'two')]
    threads = [threading.Thread(target=election.run, args=(lead, name)) for election, name in elections]
    for thread in threads:
        thread.start()
    while len(elections[0][0].contenders()) < 2 or not led:
        pass
    assert len(led) == 1, led
    leave.set()
    for thread in threads:
        thread.join(SOON)
    assert sorted(led) == ['one', 'two'], led

    counter = zk.Counter('/counter')
    counter += 2
    assert counter.value == 2
    queue = zk.Queue('/queue')
    queue.put(b'x')
    assert queue.get() == b'x'


def ephemerals(zk):
    owner = client()
    owner.create('/mine', ephemeral=True)
    assert zk.get('/mine')[1].ephemeralOwner == owner.client_id[0]
    gone = threading.Event()
    zk.exists('/mine', watch=lambda event: event.type == EventType.DELETED and gone.set())
    owner.stop()
    assert gone.wait(SOON)
    assert zk.exists('/mine') is None


def authentication(zk):
    acl = make_digest_acl('user', 'secret', all=True)
    owner = client(auth_data=[('digest', 'user:secret')])
    owner.create('/secret', b'x', acl=[acl])
    raises(NoAuthError, zk.get, '/secret')
    zk.add_auth('digest', 'user:wrong')
    raises(NoAuthError, zk.get, '/secret')
    zk.add_auth('digest', 'user:secret')
    assert zk.get('/secret')[0] == b'x'
    owner.create('/creator', acl=[make_acl('auth', '', all=True)])
    assert zk.get_acls('/creator')[0] == [acl]
    zk.set_acls('/creator', [make_acl('world', 'anyone', read=True)])
    raises(NoAuthError, owner.set, '/creator', b'')
    owner.stop()


def main():
    one, two = client(), client()
    data_operations(one)
    watches(one, two)
    transactions(one)
    recipes(one, two)
    ephemerals(one)
    authentication(one)
    for each in (one, two):
        each.stop()
        each.close()


main()
