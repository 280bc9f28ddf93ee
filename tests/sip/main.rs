//! The proof of `cordboard-sip`: torture messages of the RFCs and of our own, properties, a second opinion.

mod answer;
mod corpus;
mod differential;
mod framing;
mod headers;
mod hostile;
mod property;
mod torture;
mod uri;
