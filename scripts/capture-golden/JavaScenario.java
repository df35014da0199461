import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Every request ZooKeeper's own client can make, and the mistakes it can be made to make. */
public class JavaScenario {
    private static final List<ACL> OPEN = ZooDefs.Ids.OPEN_ACL_UNSAFE;

    private final String hosts;
    private final int cutPort;
    private final String observer;
    private final BlockingQueue<WatchedEvent> states = new LinkedBlockingQueue<>();
    private final BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    private final Watcher watcher = event -> {
        if (event.getType() != Watcher.Event.EventType.None) {
            events.add(event);
        }
    };

    private JavaScenario(String hosts, int cutPort, String observer) {
        this.hosts = hosts;
        this.cutPort = cutPort;
        this.observer = observer;
    }

    public static void main(String[] args) throws Exception {
        JavaScenario scenario = new JavaScenario(args[0], Integer.parseInt(args[1]), args[2]);
        scenario.requests();
        scenario.watches();
        scenario.reconfiguration();
        System.exit(0);
    }

    private interface Call {
        void run() throws Exception;
    }

    private static void refused(Code code, Call call) throws Exception {
        try {
            call.run();
        } catch (KeeperException error) {
            if (error.code() == code) {
                return;
            }
            throw error;
        }
        throw new AssertionError("not refused with " + code);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private ZooKeeper connect() throws Exception {
        ZooKeeper client = new ZooKeeperAdmin(hosts, 3000, states::add);
        await(KeeperState.SyncConnected);
        return client;
    }

    private void await(KeeperState state) throws Exception {
        WatchedEvent event;
        do {
            event = states.poll(20, TimeUnit.SECONDS);
            if (event == null) {
                throw new AssertionError("never " + state);
            }
        } while (event.getState() != state);
    }

    private void await(int count) throws Exception {
        for (int i = 0; i < count; i++) {
            if (events.poll(20, TimeUnit.SECONDS) == null) {
                throw new AssertionError("a watch said nothing");
            }
        }
    }

    private void requests() throws Exception {
        ZooKeeper client = connect();
        Stat stat = new Stat();
        client.create("/java", bytes("root"), OPEN, CreateMode.PERSISTENT);
        client.create("/java/null", null, OPEN, CreateMode.PERSISTENT);
        client.create("/java/stat", new byte[0], OPEN, CreateMode.PERSISTENT, stat);
        client.create("/java/ephemeral", bytes("e"), OPEN, CreateMode.EPHEMERAL);
        client.create("/java/sequence-", bytes("s"), OPEN, CreateMode.PERSISTENT_SEQUENTIAL, stat);
        client.create("/java/both-", bytes("b"), OPEN, CreateMode.EPHEMERAL_SEQUENTIAL);
        client.create("/java/container", bytes("c"), OPEN, CreateMode.CONTAINER);
        client.create("/java/ttl", bytes("t"), OPEN, CreateMode.PERSISTENT_WITH_TTL, stat, 600_000);
        client.create("/java/ttl-", bytes("t"), OPEN, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 600_000);
        refused(Code.NODEEXISTS, () -> client.create("/java", null, OPEN, CreateMode.PERSISTENT));
        List<ACL> nobody = Arrays.asList(new ACL(ZooDefs.Perms.ALL, new Id("nosuch", "x")));
        refused(Code.INVALIDACL, () -> client.create("/java/acl", null, nobody, CreateMode.PERSISTENT));

        client.getData("/java", false, stat);
        client.getData("/java/null", false, stat);
        client.getData("/java/stat", false, stat);
        client.getData("/java/ttl", false, stat);
        refused(Code.NONODE, () -> client.getData("/java/missing", false, null));
        client.exists("/java", false);
        client.exists("/java/missing", false);
        client.getChildren("/java", false);
        client.getChildren("/java", false, stat);
        client.getAllChildrenNumber("/java");
        client.getEphemerals();
        client.getEphemerals("/java/both");
        client.sync("/java", (rc, path, context) -> { }, null);
        client.whoAmI();

        client.setData("/java/stat", bytes("new"), 0);
        client.setData("/java/stat", null, -1);
        refused(Code.BADVERSION, () -> client.setData("/java/stat", bytes("newer"), 0));
        client.delete("/java/container", -1);
        refused(Code.NOTEMPTY, () -> client.delete("/java", -1));

        client.addAuthInfo("digest", bytes("user:password"));
        client.create("/java/guarded", null, ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        client.getACL("/java/guarded", stat);
        List<ACL> acl = new ArrayList<>(ZooDefs.Ids.CREATOR_ALL_ACL);
        acl.add(new ACL(ZooDefs.Perms.READ, new Id("ip", "10.0.0.0/8")));
        client.setACL("/java/guarded", acl, 0);
        client.getACL("/java/guarded", stat);
        client.whoAmI();

        List<OpResult> results = client.multi(Arrays.asList(
                Op.check("/java", -1),
                Op.create("/java/m1", bytes("1"), OPEN, CreateMode.PERSISTENT),
                Op.create("/java/m2", bytes("2"), OPEN, CreateMode.CONTAINER),
                Op.create("/java/m3", bytes("3"), OPEN, CreateMode.PERSISTENT_WITH_TTL, 600_000),
                Op.create("/java/m4-", null, OPEN, CreateMode.EPHEMERAL_SEQUENTIAL),
                Op.setData("/java/m1", bytes("11"), 0),
                Op.delete("/java/stat", -1)));
        if (results.size() != 7) {
            throw new AssertionError("a multi with " + results.size() + " results");
        }
        refused(Code.NONODE, () -> client.multi(Arrays.asList(
                Op.setData("/java/m1", bytes("12"), 1),
                Op.delete("/java/missing", -1),
                Op.check("/java", 0),
                Op.create("/java/m5", null, OPEN, CreateMode.PERSISTENT))));
        client.multi(Arrays.asList(
                Op.getData("/java"),
                Op.getChildren("/java"),
                Op.getData("/java/missing"),
                Op.getData("/java/null"),
                Op.getChildren("/java/m1")));
        client.multi(new ArrayList<>());
        Thread.sleep(1500); // for a ping
        client.close();
    }

    private void watches() throws Exception {
        ZooKeeper client = connect();
        client.create("/java/watched", null, OPEN, CreateMode.PERSISTENT);
        client.getData("/java/watched", watcher, null);
        client.exists("/java/to-come", watcher);
        client.getChildren("/java/watched", watcher);
        cut();
        await(KeeperState.Disconnected);
        await(KeeperState.SyncConnected);
        client.setData("/java/watched", bytes("x"), -1);
        client.create("/java/to-come", null, OPEN, CreateMode.PERSISTENT);
        client.create("/java/watched/child", null, OPEN, CreateMode.PERSISTENT);
        await(3);

        client.getData("/java/watched", watcher, null);
        client.getChildren("/java/to-come", watcher);
        client.exists("/java/missing", watcher);
        client.addWatch("/java/watched", watcher, AddWatchMode.PERSISTENT);
        client.addWatch("/java", watcher, AddWatchMode.PERSISTENT_RECURSIVE);
        cut();
        await(KeeperState.Disconnected);
        await(KeeperState.SyncConnected);
        client.delete("/java/watched/child", -1);
        await(2); // the child's end twice: as a change of children, and recursively

        // One watcher of two: the client only checks with the server. All of them: the server removes them.
        Watcher second = event -> { };
        client.getData("/java/watched", second, null);
        client.removeWatches("/java/watched", second, Watcher.WatcherType.Data, false);
        client.getChildren("/java/watched", watcher);
        client.removeWatches("/java/watched", watcher, Watcher.WatcherType.Children, false);
        client.removeAllWatches("/java/watched", Watcher.WatcherType.Any, false);
        refused(Code.NOWATCHER, () -> client.removeAllWatches("/java/to-come", Watcher.WatcherType.Data, false));
        client.close();
    }

    private void reconfiguration() throws Exception {
        ZooKeeperAdmin client = (ZooKeeperAdmin) connect();
        Stat stat = new Stat();
        client.addAuthInfo("digest", bytes("super:golden"));
        client.getConfig(false, stat);
        client.reconfigure(observer, null, null, -1, stat);
        client.reconfigure(null, "2", null, -1, stat);
        refused(Code.BADVERSION, () -> client.reconfigure(observer, null, null, 1, null));
        refused(Code.BADARGUMENTS, () -> client.reconfigure("nonsense", null, null, -1, null));
        client.close();
    }

    private void cut() throws Exception {
        new Socket("127.0.0.1", cutPort).close();
    }
}
