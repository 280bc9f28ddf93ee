//! `cordboard openapi`: the API's document on standard output.

use anyhow::Context;

pub fn print() -> anyhow::Result<()> {
    println!("{}", crate::edge::http::openapi().to_pretty_json().context("writing the OpenAPI document")?);
    Ok(())
}
