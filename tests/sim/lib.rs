//! The simulator of the domain: random commands, crashes and lost messages from one seed, checked after every command
//! by a brute-force reference; and the runner of the scenario scripts. It knows the domain and nothing outside it.

pub mod generate;
pub mod random;
pub mod reference;
pub mod script;
pub mod simulation;
pub mod store;
