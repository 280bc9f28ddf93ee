//! A Redis server of a test's own, on a Unix socket in a temporary directory, stopped when the test ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub struct RedisServer {
    directory: TempDir,
    child: Child,
}

impl RedisServer {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let child = run(&directory);
        Self { directory, child }
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.directory.path().join("socket").display())
    }

    /// Ends the server, which forgets everything.
    pub fn stop(&mut self) {
        self.child.kill().expect("it is ended");
        self.child.wait().expect("it has ended");
    }

    pub fn start_again(&mut self) {
        self.child = run(&self.directory);
    }
}

/// Returns once the server takes connections.
fn run(directory: &TempDir) -> Child {
    let mut child = Command::new("redis-server")
        .current_dir(directory.path())
        .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-server runs: `make test` installs it, or `apt install redis-server`");
    let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.contains("accept connections"));
    assert!(ready, "the Redis server does not start");
    child
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
