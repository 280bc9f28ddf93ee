//! Who calls: API keys (Bearer, or Basic with any user name), worker tokens (JWT), and the operator's key.

use super::HttpState;
use super::error::ApiError;
use crate::runtime::store::{ApiKey, Role};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cordboard_domain::id::{AccountId, WorkerId};
use cordboard_domain::time::Timestamp;
use cordboard_domain::work::Actor;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Begins every API key.
const KEY_PREFIX: &str = "cbk_";
/// Seconds for which a looked-up key is trusted without asking the store again.
const KEY_CACHED_S: i64 = 5;
/// Keys remembered between requests.
const KEYS_CACHED_MAX: usize = 10_000;

/// A caller whose account is known.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: AccountId,
    pub actor: Actor,
    pub role: Role,
    /// For agents: the worker for whom it speaks.
    pub worker: Option<WorkerId>,
}

impl Caller {
    /// Refuses agents, who reach their own worker's resources only.
    pub fn not_agent(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Agent => Err(ApiError::forbidden("a worker reaches its own resources only")),
            Role::Admin | Role::Integrator | Role::Supervisor => Ok(()),
        }
    }

    /// Refuses everybody who may not change the configuration.
    pub fn configures(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Admin | Role::Integrator => Ok(()),
            Role::Supervisor | Role::Agent => {
                Err(ApiError::forbidden("changing the configuration needs an admin's or an integrator's key"))
            }
        }
    }

    /// The worker that this caller is held to, if it is an agent.
    pub fn held_to(&self) -> Option<WorkerId> {
        self.worker.filter(|_| self.role == Role::Agent)
    }
}

/// A fresh API key: its text, shown once, and the hash that is kept.
pub fn fresh_key(entropy: &dyn crate::runtime::Entropy) -> (String, [u8; 32]) {
    let mut secret = [0; 32];
    entropy.fill(&mut secret);
    let text = format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let hash = hash(&text);
    (text, hash)
}

pub fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// What a worker's token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    account: String,
    /// Seconds since 1970.
    exp: i64,
}

/// A token with which a worker reaches its own resources until `expires_at`.
pub fn worker_token(
    secret: &[u8; 32],
    account: AccountId,
    worker: WorkerId,
    expires_at: Timestamp,
) -> Result<String, jsonwebtoken::errors::Error> {
    let claims = Claims { sub: worker.to_string(), account: account.to_string(), exp: expires_at.millis() / 1_000 };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
}

fn read_token(secret: &[u8; 32], token: &str, now: Timestamp) -> Option<Caller> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The expiry is compared with our own clock below.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(secret), &validation).ok()?.claims;
    if claims.exp <= now.millis() / 1_000 {
        return None;
    }
    let worker = WorkerId::parse(&claims.sub).ok()?;
    let account = AccountId::parse(&claims.account).ok()?;
    Some(Caller { account, actor: Actor::Worker(worker), role: Role::Agent, worker: Some(worker) })
}

/// The secret of the `Authorization` header.
pub(super) fn credential(parts: &Parts) -> Result<String, ApiError> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::unauthorized("send `Authorization: Bearer <api key>`"));
    };
    let unreadable = || ApiError::unauthorized("the `Authorization` header cannot be read");
    let (scheme, rest) = value.to_str().map_err(|_| unreadable())?.split_once(' ').ok_or_else(unreadable)?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(rest.trim().to_owned()),
        "basic" => {
            let decoded = STANDARD.decode(rest.trim()).map_err(|_| unreadable())?;
            let text = String::from_utf8(decoded).map_err(|_| unreadable())?;
            text.split_once(':').map(|(_, password)| password.to_owned()).ok_or_else(unreadable)
        }
        _ => Err(unreadable()),
    }
}

impl FromRequestParts<HttpState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let credential = credential(parts)?;
        let caller = identify(state, &credential).await?;
        state.check_rate(&hash(&credential))?;
        still_there(state, &caller).await?;
        Ok(caller)
    }
}

/// Refuses a caller whose account or worker is gone.
pub(super) async fn still_there(state: &HttpState, caller: &Caller) -> Result<(), ApiError> {
    if !state.runtime.has_account(caller.account) {
        return Err(ApiError::unauthorized("the key's account is gone"));
    }
    if let Some(worker) = caller.worker
        && !state.runtime.read(caller.account, move |engine, _| engine.worker(worker).is_some()).await?
    {
        return Err(ApiError::unauthorized("the worker that the key or token speaks for is gone"));
    }
    Ok(())
}

pub(super) async fn identify(state: &HttpState, credential: &str) -> Result<Caller, ApiError> {
    let now = state.runtime.now();
    // A token is three parts in base64, the first a JSON object; an API key has no dots, or is the operator's choice.
    if credential.starts_with("eyJ") && credential.matches('.').count() == 2 {
        let caller = read_token(&state.token_secret, credential, now);
        return caller.ok_or_else(|| ApiError::unauthorized("the key or token is unknown or has expired"));
    }
    let key = look_up(state, &hash(credential), now).await?;
    match key.filter(|key| key.expires_at.is_none_or(|at| at > now)) {
        Some(key) => Ok(Caller { account: key.account, actor: Actor::Key(key.id), role: key.role, worker: key.worker }),
        None => Err(ApiError::unauthorized("the key or token is unknown or has expired")),
    }
}

async fn look_up(state: &HttpState, hash: &[u8; 32], now: Timestamp) -> Result<Option<ApiKey>, ApiError> {
    if let Some(cached) = state.keys.get(hash)
        && now.millis_since(cached.1) < KEY_CACHED_S * 1_000
    {
        return Ok(Some(cached.0.clone()));
    }
    let found = state.runtime.store().key_by_hash(hash).await?;
    if let Some(key) = &found {
        if state.keys.len() >= KEYS_CACHED_MAX {
            state.keys.clear();
        }
        state.keys.insert(*hash, (key.clone(), now));
    }
    Ok(found)
}

/// The operator of the installation, or an admin of the account in question.
pub enum Operator {
    Installation,
    Account(Caller),
}

impl FromRequestParts<HttpState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let credential = credential(parts)?;
        let given = hash(&credential);
        if let Some(operator) = &state.operator_key_hash
            && bool::from(operator.ct_eq(&given))
        {
            state.check_rate(&given)?;
            return Ok(Self::Installation);
        }
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.role == Role::Admin {
            return Ok(Self::Account(caller));
        }
        Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", "accounts are the operator's"))
    }
}
