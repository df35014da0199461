"""Drives Patroni's own ZooKeeper backend: one JSON command a line on standard input, one JSON answer a line on
standard output. The first line is the configuration for ``patroni.dcs.get_dcs``.

Used by the interoperability tests; nothing of Patroni is replaced or patched here.
"""
import json
import logging
import sys

from patroni import global_config
from patroni.dcs import get_dcs
from patroni.exceptions import DCSError
from patroni.utils import cluster_as_json

logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)


def describe(cluster):
    """What Patroni made of the keys, in plain JSON."""
    leader = cluster.leader
    return {
        'initialize': cluster.initialize,
        'leader': leader and {'name': leader.name, 'session': leader.session, 'version': leader.version},
        'members': {m.name: {'session': m.session, 'data': m.data} for m in cluster.members},
        'last_lsn': cluster.status.last_lsn,
        'slots': cluster.status.slots,
        'retain_slots': cluster.status.retain_slots,
        'sync': {'leader': cluster.sync.leader, 'sync_standby': cluster.sync.sync_standby,
                 'quorum': cluster.sync.quorum, 'version': cluster.sync.version},
        'failover': cluster.failover and {
            'leader': cluster.failover.leader, 'candidate': cluster.failover.candidate,
            'scheduled_at': cluster.failover.scheduled_at and cluster.failover.scheduled_at.isoformat()},
        'history': cluster.history and cluster.history.lines,
        'timeline': cluster.timeline,
        'config': cluster.config and cluster.config.data,
        'failsafe': cluster.failsafe,
        'workers': {str(group): describe(worker) for group, worker in cluster.workers.items()},
    }


class Driver:
    def __init__(self, config):
        self.dcs = get_dcs(config)

    def session(self):
        return self.dcs._client.client_id and self.dcs._client.client_id[0]

    def get_cluster(self):
        return describe(self.dcs.get_cluster())

    def cluster_as_json(self):
        cluster = self.dcs.get_cluster()
        global_config.update(cluster)
        return cluster_as_json(cluster)

    def update_leader(self, last_lsn, slots=None, failsafe=None):
        return self.dcs.update_leader(self.dcs.get_cluster(), last_lsn, slots, failsafe)

    def delete_leader(self, last_lsn=None):
        return self.dcs.delete_leader(self.dcs.get_cluster().leader, last_lsn)

    def write_sync_state(self, *args):
        ret = self.dcs.write_sync_state(*args)
        return ret is not None

    def close(self):
        self.dcs._client.stop()
        self.dcs._client.close()

    def __getattr__(self, name):
        return getattr(self.dcs, name)


def main():
    driver = Driver(json.loads(sys.stdin.readline()))
    print(json.dumps({'ok': driver.session()}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {'ok': getattr(driver, command['call'])(*command.get('args', []))}
        except DCSError as error:
            answer = {'dcs_error': str(error)}
        except Exception as error:  # the test shows it
            answer = {'error': repr(error)}
        print(json.dumps(answer), flush=True)


main()
