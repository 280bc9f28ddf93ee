//! The real program, started on a port of its own and killed at the end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Program {
    child: Child,
    /// `http://127.0.0.1:` and the port that it took.
    pub address: String,
}

impl Program {
    /// Serves from `data`, with `key` as the first account's; returns once it listens.
    pub fn start(data: &Path, key: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cordboard"))
            .args(["serve", "--http-bind", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("CORDBOARD_BOOTSTRAP__API_KEY", key)
            .env("CORDBOARD_LIMITS__REQUESTS_PER_SECOND", "1000000")
            .env("CORDBOARD_LIMITS__REQUEST_BURST", "1000000")
            // The receivers of a test are on this machine.
            .env("CORDBOARD_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
            .env("RUST_LOG", "error")
            // It is the test's own setting; the program refuses what it does not know.
            .env_remove("CORDBOARD_KILL_CYCLES")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let told = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("Listening on ").map(str::to_owned));
        let address = told.expect("it says where it listens");
        Self { child, address }
    }

    /// Ends it without warning, as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Program {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
