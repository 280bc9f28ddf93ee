//! Redis streams: each message becomes an entry (`XADD`) of the stream that the subscription names, on the server that
//! the operator configured. A message that is sent again is a further entry with the same `id`.

use crate::runtime::delivery::sink::{NotTaken, Receipt};
use anyhow::Context;
use cordboard_domain::event_channel::Message;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError};
use std::time::Duration;
use tokio::sync::Mutex;

/// For a connection to come about.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// For an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct RedisStreams {
    client: Client,
    /// Made with the first message, and anew after a failure: the manager keeps some failures for ever.
    connection: Mutex<Option<ConnectionManager>>,
}

impl RedisStreams {
    pub fn new(url: &str) -> anyhow::Result<Self> {
        // The error's text could hold the password.
        let client =
            Client::open(url).ok().context("`redis_url` is no URL of a Redis server, such as redis://host:6379")?;
        Ok(Self { client, connection: Mutex::new(None) })
    }

    async fn connection(&self) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        // Who comes meanwhile waits for this connection, for as long as it may take.
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let fresh = ConnectionManager::new_with_config(self.client.clone(), config).await?;
        Ok(connection.insert(fresh).clone())
    }

    pub async fn send(&self, stream: &str, length_max: u32, message: &Message) -> Result<Receipt, NotTaken> {
        let mut add = redis::cmd("XADD");
        add.arg(stream).arg("MAXLEN").arg("~").arg(length_max).arg("*");
        add.arg("id").arg(&message.id);
        add.arg("type").arg(message.event_type.as_deref().unwrap_or("batch"));
        add.arg("sequence").arg(message.last_sequence);
        add.arg("body").arg(&message.body);
        let mut connection = self.connection().await.map_err(not_taken)?;
        match add.query_async::<String>(&mut connection).await {
            Ok(entry) => Ok(Receipt { status: None, answer: Some(entry) }),
            Err(error) => {
                *self.connection.lock().await = None;
                Err(not_taken(error))
            }
        }
    }
}

fn not_taken(error: RedisError) -> NotTaken {
    let (code, message) = if error.is_timeout() {
        ("redis_timeout", "the Redis server does not answer in time".to_owned())
    } else if error.is_connection_refusal() {
        ("redis_refused", "the Redis server refuses connections".to_owned())
    } else if error.is_io_error() {
        ("redis_unreachable", "the connection to the Redis server was lost".to_owned())
    } else if error.kind() == ErrorKind::AuthenticationFailed {
        ("redis_auth_failed", "the Redis server does not accept the configured password".to_owned())
    } else {
        let said = error.detail().unwrap_or_default();
        let code = error.code().unwrap_or_default();
        ("redis_error", format!("the Redis server answered with an error: {code} {said}").trim_end().to_owned())
    };
    NotTaken { code: code.to_owned(), message, status: None, answer: None, ours: false }
}
