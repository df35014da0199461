"""Says what Patroni makes of stored values. Reads a case per line, writes a flat description per line (both JSON).

The values go through the real `patroni.dcs.zookeeper.ZooKeeper`; only its ZooKeeper client is replaced, by a dictionary.

In a description, `i:` is an integer, `s:` a string in JSON, `j:` any value in JSON, `?type` a value of a type that the
field is not meant to have, and `!Error` what was raised.
"""
import json
import logging
import platform
import sys
import warnings

import dateutil.parser  # noqa: F401

from kazoo.exceptions import NoNodeError
from kazoo.protocol.states import ZnodeStat

from patroni.dcs import AbstractDCS, Cluster, Leader, slot_name_from_member_name
from patroni.dcs.zookeeper import ZooKeeper
from patroni.postgresql.mpp import get_mpp
from patroni.tags import Tags
from patroni.utils import deep_compare, parse_bool, parse_int
from patroni.version import __version__

AUTH = {'username': 'u', 'password': 'p', 'options': '-c x', 'connect_timeout': 3, 'x': None}
BASE = '/service/scope/'


class Done:
    """An answer that is already there."""

    def __init__(self, stat):
        self.stat = stat

    def get(self, timeout=None):
        return self.stat


class Client:
    """A ZooKeeper client without ZooKeeper: reads come from `nodes`, writes end in `written`."""

    _session_timeout = 30000

    def __init__(self, nodes):
        self.nodes = nodes
        self.written = []
        self.client_id = None

    def get(self, path, watch=None):
        if path not in self.nodes:
            raise NoNodeError()
        return self.nodes[path]

    def get_children(self, path):
        prefix = path.rstrip('/') + '/'
        names = [p[len(prefix):].split('/')[0] for p in self.nodes if p.startswith(prefix)]
        if not names:
            raise NoNodeError()
        return list(dict.fromkeys(names))

    def retry(self, func, *args, **kwargs):
        ret = func(*args, **kwargs)
        return ret.get() if isinstance(ret, Done) else ret

    def set(self, path, value, version=-1):
        self.written.append((path[len(BASE):], value))
        return ZnodeStat(*range(11))

    def set_async(self, path, value, version=-1):
        return Done(self.set(path, value, version))

    def create_async(self, path, value, makepath=False, ephemeral=False):
        return Done(self.set(path, value))


class Oracle(ZooKeeper):
    """The real class, without its constructor."""

    def __init__(self, nodes):
        AbstractDCS.__init__(self, {'name': 'a', 'scope': 'scope', 'ttl': 30, 'loop_wait': 10, 'retry_timeout': 10},
                             get_mpp({}))
        self._client = Client({BASE + path: (bytes.fromhex(value), stat(version, mzxid, owner))
                               for path, value, version, mzxid, owner in nodes})
        self._ZooKeeper__last_member_data = None


def stat(version, mzxid, owner):
    return ZnodeStat(1, mzxid, 3, 4, version, 6, 7, owner, 9, 10, 11)


def dumps(value):
    return json.dumps(value, separators=(',', ':'))


def text(value):
    return 'none' if value is None else 's:' + dumps(value) if isinstance(value, str) else wrong(value)


def integer(value):
    if isinstance(value, int) and abs(value) > 10 ** 4000:  # Python refuses to print more than 4300 digits
        value = 10 ** 100 if value > 0 else -10 ** 100
    return 'none' if value is None else f'i:{int(value)}' if isinstance(value, int) else wrong(value)


def strict_integer(value):
    return wrong(value) if isinstance(value, bool) else integer(value)


def boolean(value):
    return 'none' if value is None else 'true' if value else 'false'


def version(value):
    return 'none' if value is None else 'v:' + '.'.join(map(str, value))


def time(value):
    return 'none' if not value else 't:' + value.isoformat()


def wrong(value):
    return '?' + type(value).__name__


def names(value):
    return 'j:' + dumps(value) if all(isinstance(item, str) for item in value) else wrong(value)


def mapping(value):
    return 'none' if value is None else 'j:' + dumps(value) if isinstance(value, dict) else wrong(value)


def anything(value):
    return 'j:' + dumps(value)


class Description(dict):
    """The flat description of something."""

    def put(self, key, show, get):
        try:
            self[key] = show(get())
        except Exception as e:
            self[key] = '!' + type(e).__name__


def describe_member(out, key, m):
    m = m._replace(data=dict(m.data))  # some properties store what they find in the data

    def put(name, show, get):
        out.put(key + name, show, get)

    put('name', text, lambda: m.name)
    put('version', integer, lambda: m.version)
    put('session', integer, lambda: m.session)
    put('data', anything, lambda: m.data)
    kwargs = m.data.get('conn_kwargs') or {}
    if isinstance(kwargs, dict):
        host, port = kwargs.get('host') or '', kwargs.get('port')
        kwargs = host if not isinstance(host, str) else port if isinstance(port, (dict, list)) else ''
    put('conn_kwargs_type', lambda v: 'ok' if isinstance(v, str) else wrong(v), lambda: kwargs)
    put('conn_url', text, lambda: m.conn_url)
    put('conn_kwargs', anything, lambda: m.conn_kwargs())
    put('conn_kwargs_auth', anything, lambda: m.conn_kwargs(AUTH))
    put('api_url', text, lambda: m.api_url)
    put('endpoint', text, lambda: m.get_endpoint_url('failsafe'))
    put('role', text, lambda: m.data.get('role'))
    put('state', text, lambda: m.state)
    put('is_running', boolean, lambda: m.is_running)
    put('patroni_version', version, lambda: m.patroni_version)
    put('timeline', strict_integer, lambda: m.data.get('timeline'))
    put('lsn', integer, lambda: m.lsn)
    put('receive_lsn', integer, lambda: m.receive_lsn)
    put('replay_lsn', integer, lambda: m.replay_lsn)
    put('clonefrom', boolean, lambda: bool(m.clonefrom))
    put('nofailover', boolean, lambda: m.nofailover)
    put('failover_priority', integer, lambda: m.failover_priority)
    put('noloadbalance', boolean, lambda: m.noloadbalance)
    put('nosync', boolean, lambda: m.nosync)
    put('sync_priority', integer, lambda: m.sync_priority)
    put('replicatefrom', text, lambda: m.replicatefrom)
    put('nostream', boolean, lambda: m.nostream)


def describe_cluster(c, probes):
    out = Description()
    out.put('initialize', text, lambda: c.initialize)
    out.put('is_empty', boolean, lambda: c.is_empty())
    out.put('is_unlocked', boolean, lambda: c.is_unlocked())
    out.put('leader_name', text, lambda: c.leader_name)
    out.put('timeline', integer, lambda: c.timeline)
    out.put('min_version', version, lambda: c.min_version)
    out.put('slots', anything, lambda: c.slots)
    out.put('failsafe', mapping, lambda: c.failsafe)
    out.put('status.last_lsn', integer, lambda: c.status.last_lsn)
    out.put('status.slots', mapping, lambda: c.status.slots)
    out.put('status.retain_slots', names, lambda: c.status.retain_slots)
    out.put('status.is_empty', boolean, lambda: c.status.is_empty())
    out.put('sync.version', integer, lambda: c.sync.version)
    out.put('sync.leader', text, lambda: c.sync.leader)
    out.put('sync.sync_standby', text, lambda: c.sync.sync_standby)
    out.put('sync.quorum', integer, lambda: c.sync.quorum)
    out.put('sync.is_empty', boolean, lambda: c.sync.is_empty)
    out.put('sync.voters', anything, lambda: c.sync.voters)
    out.put('sync.members', anything, lambda: c.sync.members)
    if c.config is not None:
        out.put('config.version', integer, lambda: c.config.version)
        out.put('config.data', mapping, lambda: c.config.data)
        out.put('config.modify_version', integer, lambda: c.config.modify_version)
    if c.failover is not None:
        out.put('failover.version', integer, lambda: c.failover.version)
        out.put('failover.leader', text, lambda: c.failover.leader)
        out.put('failover.candidate', text, lambda: c.failover.candidate)
        out.put('failover.scheduled_at', time, lambda: c.failover.scheduled_at)
        out.put('failover.is_empty', boolean, lambda: not c.failover)
    if c.history is not None:
        out.put('history.version', integer, lambda: c.history.version)
        out.put('history.value', text, lambda: c.history.value)
        out.put('history.lines', anything, lambda: c.history.lines)
    if c.leader is not None:
        out.put('leader.version', integer, lambda: c.leader.version)
        out.put('leader.session', integer, lambda: c.leader.session)
        out.put('leader.timeline', strict_integer, lambda: c.leader.timeline)
        out.put('leader.checkpoint_after_promote', boolean, lambda: c.leader.checkpoint_after_promote)
    for i, probe in enumerate(probes):
        out.put(f'probe.{i}.has_member', boolean, lambda: c.has_member(probe))
        for fallback in (False, True):
            def get():
                found = c.get_member(probe, fallback)
                return found and found.name
            out.put(f'probe.{i}.get_member.{fallback}', text, get)
        out.put(f'probe.{i}.matches', boolean, lambda: c.sync.matches(probe))
        out.put(f'probe.{i}.matches_leader', boolean, lambda: c.sync.matches(probe, True))
        out.put(f'probe.{i}.leader_matches', boolean, lambda: c.sync.leader_matches(probe))
        out.put(f'probe.{i}.slot_name', text, lambda: slot_name_from_member_name(probe))
    if c.leader is not None:
        describe_member(out, 'leader.member.', c.leader.member)
    for i, m in enumerate(c.members):
        describe_member(out, f'members.{i}.', m)
    return out


def load(case):
    """What the real loader makes of znodes."""
    dcs = Oracle(case['nodes'])
    try:
        cluster = dcs._postgresql_cluster_loader(BASE)
    except Exception as e:
        return {'load': '!' + type(e).__name__}
    assert isinstance(cluster, Cluster) and isinstance(cluster.leader, (Leader, type(None)))
    return describe_cluster(cluster, case['probes'])


def convert(case):
    """What Python and Patroni make of one JSON document."""
    out = Description()
    try:
        value = json.loads(bytes.fromhex(case['value']).decode('utf-8'))
    except Exception as e:
        return {'json': '!' + type(e).__name__}
    out.put('json', anything, lambda: value)
    out.put('int', integer, lambda: int(value))
    out.put('str', text, lambda: str(value))
    out.put('bool', boolean, lambda: bool(value))
    out.put('parse_int', integer, lambda: parse_int(value))
    out.put('parse_bool', boolean, lambda: parse_bool(value))
    if isinstance(value, dict):
        out.put('published', anything, lambda: Tags._filter_tags(value))
    return out


def compare(case):
    """Whether two objects are the same, both ways round."""
    a, b = (json.loads(bytes.fromhex(case[key])) for key in ('a', 'b'))
    out = Description()
    out.put('a_b', boolean, lambda: deep_compare(a, b))
    out.put('b_a', boolean, lambda: deep_compare(b, a))
    return out


def write(case):
    """What the real writers send to ZooKeeper."""
    dcs = Oracle(case['nodes'])
    out = Description()

    def put(key, call):
        del dcs._client.written[:]
        call()
        out[key] = ' '.join(f'{path}={value.decode()}' for path, value in dcs._client.written)

    dcs.get_cluster()
    data, auth = json.loads(case['data']), case['leader'] or None
    put('member', lambda: dcs.touch_member(data))
    put('member_again', lambda: dcs.touch_member(data))
    put('sync', lambda: dcs.write_sync_state(auth, case['standbys'], case['quorum']))
    at = case['scheduled_at'] and dateutil.parser.parse(case['scheduled_at'])
    put('failover', lambda: dcs.manual_failover(case['leader'], case['candidate'], at))
    put('status_optime', lambda: dcs.write_leader_optime(case['optime']))
    status = {'optime': case['optime'], 'slots': json.loads(case['slots']) or None,
              'retain_slots': case['retain_slots'] or None}
    put('status', lambda: dcs.write_status(status))
    put('status_again', lambda: dcs.write_status(dict(status)))
    put('failsafe', lambda: dcs.write_failsafe(json.loads(case['failsafe'])))
    return out


def main():
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    print(f'patroni {__version__} python {platform.python_version()}', flush=True)
    kinds = {'load': load, 'convert': convert, 'compare': compare, 'write': write}
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(kinds[case['kind']](case)))


if __name__ == '__main__':
    main()
