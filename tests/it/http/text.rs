//! Paths and parameters that are no text, which must neither reach the store nor be answered without a problem.

use super::office::*;

#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    let office = Office::new().await;
    for path in
        ["/v1/queues/%FF", "/v1/queues/%C3%28", "/v1/workers/%00", "/v1/queues/a%00b", "/v1/work-items/%ff/cancel"]
    {
        assert_eq!(office.get(path).await.is(404).code(), "no_such_route", "{path}");
    }
    for path in ["/v1/queues/%", "/v1/queues/%2", "/v1/queues/%zz", "/v1/queues/caf%C3%A9", "/v1/queues/a%2Fb"] {
        assert_eq!(office.get(path).await.is(404).code(), "not_found", "{path}");
    }
}

#[tokio::test]
async fn a_parameter_with_nul_is_refused() {
    let office = Office::new().await;
    for path in ["/v1/queues?after=%00", "/v1/workers?after=a%00", "/v1/events?after=%00"] {
        let answer = office.get(path).await.is(400);
        assert_eq!(answer.first_error(), ("?after", "bad_value"), "{path}");
    }
    let answer = office.get("/v1/reservations?work_item=%00").await.is(400);
    assert_eq!(answer.first_error(), ("?work_item", "bad_value"));
}
