"""Drives Patroni's own ZooKeeper backend: one JSON command a line on standard input, one JSON answer a line on
standard output. The first line is the configuration for ``patroni.dcs.get_dcs``.

Used by the interoperability tests; nothing of Patroni is replaced or patched here.

Times are nanoseconds of ``CLOCK_BOOTTIME``, the clock of the other side.
"""
import json
import logging
import sys
import threading
import time

import dateutil.parser

from patroni import global_config
from patroni.dcs import get_dcs
from patroni.exceptions import DCSError
from patroni.utils import cluster_as_json

logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


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
        'failover': None if cluster.failover is None else {  # one without a request is false
            'version': cluster.failover.version,
            'leader': cluster.failover.leader, 'candidate': cluster.failover.candidate,
            'scheduled_at': cluster.failover.scheduled_at and cluster.failover.scheduled_at.isoformat()},
        'history': cluster.history and cluster.history.lines,
        'history_version': cluster.history and cluster.history.version,
        'timeline': cluster.timeline,
        'config': cluster.config and cluster.config.data,
        'config_versions': cluster.config and [cluster.config.version, cluster.config.modify_version],
        'failsafe': cluster.failsafe,
        'workers': {str(group): describe(worker) for group, worker in cluster.workers.items()},
    }


class Contender(threading.Thread):
    """Tries to take the leader key all the time; leads for a few renewals, gives it up, and tries again."""

    def __init__(self, dcs):
        super().__init__(daemon=True)
        self.dcs = dcs
        self.reigns = []  # [begin, end], by the belief of this member
        self.refusals = 0
        self.failure = None
        self.stopped = threading.Event()

    def run(self):
        try:
            while not self.stopped.is_set():
                if self.dcs.attempt_to_acquire_leader():
                    self.reign()
                else:
                    self.refusals += 1
        except Exception as error:  # the test shows it
            self.failure = repr(error)

    def reign(self):
        begin = now()
        for lsn in range(1, 8):
            if not self.dcs.update_leader(self.dcs.get_cluster(), lsn):
                break
        leader = self.dcs.get_cluster().leader
        self.reigns.append([begin, now()])
        self.dcs.delete_leader(leader)
        # As after every demotion: the others first.
        self.stopped.wait(0.02)


class Driver:
    def __init__(self, config):
        self.dcs = get_dcs(config)
        self.contender = None
        digest = config.get('default_digest_acl')
        if digest:
            # Patroni's own `set_acls` makes x509 principals only: this is a public attribute of its client.
            from kazoo.security import make_digest_acl
            self.dcs._client.default_acl = [make_digest_acl(*digest.split(':'), all=True)]

    def session(self):
        return self.dcs._client.client_id and self.dcs._client.client_id[0]

    def get_cluster(self):
        return describe(self.dcs.get_cluster())

    def get_mpp_coordinator(self):
        cluster = self.dcs.get_mpp_coordinator()
        return cluster and describe(cluster)

    def cluster_as_json(self):
        cluster = self.dcs.get_cluster()
        global_config.update(cluster)
        return cluster_as_json(cluster)

    def update_leader(self, last_lsn, slots=None, failsafe=None):
        return self.dcs.update_leader(self.dcs.get_cluster(), last_lsn, slots, failsafe)

    def update_leader_as_loaded(self, last_lsn):
        """As the HA loop does: with the cluster that was loaded at its beginning."""
        return self.dcs.update_leader(self.dcs.cluster, last_lsn)

    def delete_leader(self, last_lsn=None):
        return self.dcs.delete_leader(self.dcs.get_cluster().leader, last_lsn)

    def write_sync_state(self, *args):
        ret = self.dcs.write_sync_state(*args)
        return ret is not None

    def manual_failover(self, leader, candidate, scheduled_at=None, version=None):
        scheduled_at = scheduled_at and dateutil.parser.parse(scheduled_at)
        return self.dcs.manual_failover(leader, candidate, scheduled_at, version)

    def set_history_lines(self, lines):
        """As ``Ha.update_cluster_history`` writes them."""
        return self.dcs.set_history_value(json.dumps(lines, separators=(',', ':')))

    def acquire_within(self, seconds):
        """Tries all the time; the time when the key was ours, and how often it was not."""
        refusals = 0
        until = now() + seconds * 10 ** 9
        while now() < until:
            if self.dcs.attempt_to_acquire_leader():
                return {'at': now(), 'refusals': refusals}
            refusals += 1
            time.sleep(0.005)

    def contend(self):
        self.contender = Contender(self.dcs)
        self.contender.start()

    def reigns(self):
        return {'reigns': list(self.contender.reigns), 'refusals': self.contender.refusals,
                'failure': self.contender.failure}

    def stop_contending(self):
        self.contender.stopped.set()
        self.contender.join()
        return self.reigns()

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
