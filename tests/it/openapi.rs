//! The committed OpenAPI document is the one that the program makes.

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");

#[test]
fn the_committed_document_is_up_to_date() {
    let made = cordboard::edge::http::openapi().to_pretty_json().expect("it serialises") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(COMMITTED, &made).expect("it is written");
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(made == committed, "openapi/openapi.json is old; `make bless` writes it anew");
}
