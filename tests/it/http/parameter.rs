//! Query parameters, on every route of the document: what is unknown is refused, and so is what names nothing.

use super::office::*;

#[tokio::test]
async fn every_operation_refuses_a_parameter_that_it_does_not_know() {
    let office = Office::new().await;
    let document = office.get("/openapi.json").await.is(200).body;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", "some").replace("{version}", "1");
        let key = if path.starts_with("/v1/accounts") { OPERATOR } else { ADMIN };
        for method in methods.as_object().expect("methods").keys() {
            let answer = office.call(key, &method.to_uppercase(), &format!("{path}?surely=1"), None).await.is(400);
            assert_eq!(answer.first_error(), ("?surely", "unknown_parameter"), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked >= 55, "only {asked} operations were asked");
}

#[tokio::test]
async fn a_refused_parameter_names_those_that_there_are() {
    let office = Office::new().await;
    let answer = office.get("/v1/queues?page=2").await.is(400);
    assert_eq!(answer.body["detail"], "there is no parameter `page`; expected `limit` or `after`");
    let answer = office.get("/v1/queues/support?page=2").await.is(400);
    assert_eq!(answer.body["detail"], "there is no parameter `page`; this operation takes none");
}
