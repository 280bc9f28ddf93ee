//! Single headers, read when somebody asks. Each file is one header or one form that several share.
//!
//! A reader borrows from the message; what is wrong comes back as a [`HeaderError`] that names the header, and no other
//! header suffers from it.

mod access;
pub mod address;
pub mod auth;
pub mod content;
pub mod cseq;
pub mod event;
pub mod list;
pub mod param;
pub mod replaces;
pub mod timer;
pub mod via;

pub use access::Contact;
pub use address::Address;
pub use cseq::CSeq;
pub use list::Values;
pub use param::{Param, Params};
pub use via::Via;

use crate::message::Name;

/// What is wrong with a header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("missing")]
    Missing,
    #[error("there more than once")]
    Repeated,
    #[error("malformed")]
    Malformed,
    #[error("no number, or one out of range")]
    Number,
    #[error("a malformed URI")]
    Uri,
    #[error("a malformed parameter")]
    Parameter,
}

/// A header that cannot be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {fault}", name.as_str())]
pub struct HeaderError {
    pub name: Name,
    pub fault: Fault,
}

impl HeaderError {
    pub(crate) fn new(name: Name, fault: Fault) -> Self {
        Self { name, fault }
    }

    /// The reason phrase of the 400 that tells the sender (RFC 3261 §21.4.1).
    pub fn reason(&self) -> &'static str {
        match (self.name, self.fault) {
            (Name::Via, _) => "Malformed Via",
            (Name::From, Fault::Missing) => "Missing From",
            (Name::From, Fault::Repeated) => "Repeated From",
            (Name::From, _) => "Malformed From",
            (Name::To, Fault::Missing) => "Missing To",
            (Name::To, Fault::Repeated) => "Repeated To",
            (Name::To, _) => "Malformed To",
            (Name::CallId, Fault::Missing) => "Missing Call-ID",
            (Name::CallId, Fault::Repeated) => "Repeated Call-ID",
            (Name::CallId, _) => "Malformed Call-ID",
            (Name::CSeq, Fault::Missing) => "Missing CSeq",
            (Name::CSeq, Fault::Repeated) => "Repeated CSeq",
            (Name::CSeq, _) => "Malformed CSeq",
            (Name::Contact, _) => "Malformed Contact",
            (Name::Route, _) => "Malformed Route",
            (Name::RecordRoute, _) => "Malformed Record-Route",
            (Name::MaxForwards, _) => "Malformed Max-Forwards",
            (Name::ContentLength, Fault::Repeated) => "Repeated Content-Length",
            (Name::ContentLength, _) => "Malformed Content-Length",
            (Name::ContentType, _) => "Malformed Content-Type",
            _ => "Bad Request",
        }
    }
}
