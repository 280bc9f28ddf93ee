//! Errors of the HTTP client as failures with a stable code. What is not recognised keeps its text.

use super::connect::ConnectedTooLate;
use super::resolve::NameFault;
use super::target::refusal;
use crate::runtime::fetch::{FetchCode, FetchFailure};
use std::error::Error;
use std::io;

/// The failure that an error of the client means.
pub(super) fn of(error: &reqwest::Error) -> FetchFailure {
    let links: Vec<&(dyn Error + 'static)> = links(error).collect();
    if let Some(failure) = links.iter().find_map(|link| ours(*link).or_else(|| tls(*link))) {
        return failure;
    }
    if error.is_connect() {
        return connection(&links);
    }
    if let Some(failure) = links.iter().find_map(|link| http(*link)) {
        return failure;
    }
    match links.iter().find_map(|link| link.downcast_ref::<io::Error>()) {
        // How the chunks of a body that cannot be read are told.
        Some(broken) if matches!(broken.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            malformed(&broken.to_string())
        }
        Some(broken) => closed(&broken.to_string()),
        None if error.is_builder() => FetchFailure::new(FetchCode::InvalidUrl, "the URL cannot be asked"),
        None => closed(&innermost(&links)),
    }
}

/// The error and its sources. What an I/O error wraps is its source too, though it says otherwise.
fn links<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |link| {
        let link: &'e (dyn Error + 'static) = *link;
        match link.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => link.source(),
        }
    })
}

fn innermost(links: &[&(dyn Error + 'static)]) -> String {
    links.last().map(ToString::to_string).unwrap_or_default()
}

fn ours(link: &(dyn Error + 'static)) -> Option<FetchFailure> {
    if let Some(late) = link.downcast_ref::<ConnectedTooLate>() {
        return Some(FetchFailure::new(FetchCode::ConnectTimeout, late.to_string()));
    }
    Some(match link.downcast_ref::<NameFault>()? {
        NameFault::Barred { kind } => FetchFailure::new(FetchCode::AddressRefused, refusal(kind)),
        fault @ NameFault::Unresolved(_) => FetchFailure::new(FetchCode::NameNotResolved, fault.to_string()),
    })
}

fn tls(link: &(dyn Error + 'static)) -> Option<FetchFailure> {
    use rustls::Error as Tls;
    let error = link.downcast_ref::<Tls>()?;
    let certificate = matches!(error, Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented);
    Some(if certificate {
        FetchFailure::new(FetchCode::CertificateRefused, format!("the receiver's certificate is not valid: {error}"))
    } else {
        FetchFailure::new(FetchCode::TlsFailed, format!("no TLS connection came about: {error}"))
    })
}

fn connection(links: &[&(dyn Error + 'static)]) -> FetchFailure {
    let refused = |link: &&(dyn Error + 'static)| {
        link.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if links.iter().any(refused) {
        return FetchFailure::new(FetchCode::ConnectionRefused, "the receiver refused the connection");
    }
    FetchFailure::new(FetchCode::ConnectionFailed, format!("no connection came about: {}", innermost(links)))
}

fn http(link: &(dyn Error + 'static)) -> Option<FetchFailure> {
    let error = link.downcast_ref::<hyper::Error>()?;
    if error.is_parse_too_large() {
        return Some(FetchFailure::new(
            FetchCode::AnswerHeadersTooLarge,
            "the answer's headers are too many or too long",
        ));
    }
    if error.is_parse() {
        return Some(malformed(&error.to_string()));
    }
    error.is_incomplete_message().then(|| closed("it ended too early"))
}

fn malformed(why: &str) -> FetchFailure {
    FetchFailure::new(FetchCode::MalformedAnswer, format!("the answer is not HTTP: {why}"))
}

fn closed(why: &str) -> FetchFailure {
    let message = format!("the receiver closed the connection before its answer was whole: {why}");
    FetchFailure::new(FetchCode::ConnectionClosed, message)
}
