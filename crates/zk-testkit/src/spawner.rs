//! Child processes that die with this process, even when it is killed.

use std::{
    io,
    path::PathBuf,
    process::{Child, Command},
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
};

/// A command to start, and where to send what came of it.
type Job = (Command, Sender<io::Result<Child>>);

/// Starts `command` from a thread that lives as long as this process.
///
/// `PR_SET_PDEATHSIG` is sent when the *thread* that forked ends, not the process. A test's own thread, or a
/// worker of a tokio runtime, may end while the ensemble is still wanted; the thread used here never does.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = channel();
        // A thread that could not be started shows as a closed channel below.
        let _ = std::thread::Builder::new().name("zk-testkit-spawner".into()).spawn(move || serve(&queue));
        jobs
    });
    let gone = || io::Error::other("the spawner thread could not be started");
    let (reply, answer) = channel();
    spawner.send((command, reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

/// Body of the thread. The sender is in a static, so the queue never closes.
fn serve(queue: &Receiver<Job>) {
    while let Ok((mut command, reply)) = queue.recv() {
        if let Err(unclaimed) = reply.send(command.spawn())
            && let Ok(mut child) = unclaimed.0
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command that runs `program` and has it killed when this process dies.
///
/// The safe way to the kernel's parent-death signal is `setpriv` of util-linux: it sets the signal and then
/// replaces itself with the program, so the pid stays that of the child. Without `setpriv` the program is run
/// directly, and only an orderly end of this process stops it.
pub(crate) fn dying_with_us(program: &std::path::Path) -> Command {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    match SETPRIV.get_or_init(|| crate::java::find_on_path("setpriv")) {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}
