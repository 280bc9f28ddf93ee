//! The loop of an account.
