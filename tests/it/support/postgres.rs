//! A PostgreSQL cluster of this test process alone, made on first use in a temporary directory and reached by a Unix
//! socket. A watching shell stops it and removes the directory when the process ends, in whatever way it does: it sees
//! the end of its standard input.

use sea_orm::{ConnectionTrait, Database};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes and starts the cluster, says `ready` with its directory, waits for the end of its input, stops and removes.
/// PostgreSQL refuses to run as root; the user `postgres`, which its package makes, is used then.
const WATCHER: &str = r#"
trap '' INT TERM HUP
bin=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/cordboard-postgres.XXXXXX") || exit 1
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir" || exit 1
    as() { runuser -u postgres -- "$@"; }
fi
cd "$dir" || exit 1
if as "$bin/initdb" --no-sync --auth trust --username postgres --encoding UTF8 --locale C "$dir/data" >"$dir/log" 2>&1 &&
    as "$bin/pg_ctl" start --wait --pgdata "$dir/data" --log "$dir/data/server.log" \
        --options "-k $dir -c listen_addresses='' -c fsync=off -c max_connections=300" >>"$dir/log" 2>&1
then
    echo "ready $dir"
    cat >/dev/null
    as "$bin/pg_ctl" stop --mode immediate --pgdata "$dir/data" >/dev/null 2>&1
else
    echo "failed: $(tr '\n' ' ' <"$dir/log")"
fi
cd / && rm -rf "$dir"
"#;

struct Cluster {
    directory: String,
    /// Keeps the watcher's input open for as long as the process lives.
    _watcher: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// The URL of an empty database of its own.
pub async fn fresh_database() -> String {
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start)).await.expect("the cluster starts");
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let server = Database::connect(cluster.url("postgres")).await.expect("the cluster answers");
    server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
    server.close().await.expect("the connection closes");
    cluster.url(&name)
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.directory)
    }
}

fn start() -> Cluster {
    let mut watcher = Command::new("/bin/sh")
        .args(["-c", WATCHER, "postgres-watcher", &binaries()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell runs");
    let mut line = String::new();
    let output = watcher.stdout.take().expect("the output is piped");
    BufReader::new(output).read_line(&mut line).expect("the watcher speaks");
    let directory = line.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("PostgreSQL does not start: {line}"));
    Cluster { directory: directory.to_owned(), _watcher: watcher }
}

/// The directory of the newest server that is installed.
fn binaries() -> String {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &std::path::Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path));
    let newest = newest.expect("PostgreSQL is not installed: `make test` installs it, or `apt install postgresql`");
    newest.join("bin").display().to_string()
}
