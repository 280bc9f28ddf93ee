//! Schedules over REST: hours, holidays, and what is wrong with them.

use super::life::Life;
use super::office::*;
use serde_json::json;

#[tokio::test]
async fn a_schedule_is_made_read_listed_changed_and_deleted() {
    let hours = |from: &str, to: &str| json!([[from, to]]);
    let zone = "Europe/Berlin";
    let life = Life {
        path: "/v1/schedules",
        new: json!({"time_zone": zone, "weekly": {"mon": hours("09:00", "17:00")},
            "holidays": [{"date": "2026-12-24", "name": "Christmas Eve", "hours": hours("09:00", "12:00")}]}),
        change: json!({"time_zone": "UTC", "holidays": []}),
        refused: vec![
            (json!({"name": "x"}), "/time_zone", "missing_field"),
            (json!({"name": "x", "time_zone": "Berlin"}), "/time_zone", "unknown_time_zone"),
            (json!({"name": "x", "time_zone": zone, "weekly": {"monday": []}}), "/weekly/monday", "unknown_field"),
            (
                json!({"name": "x", "time_zone": zone, "weekly": {"mon": hours("17:00", "09:00")}}),
                "/weekly/mon/0",
                "bad_span",
            ),
            (
                json!({"name": "x", "time_zone": zone, "holidays": [{"date": "2026-02-30"}]}),
                "/holidays/0/date",
                "bad_date",
            ),
        ],
        refused_changes: vec![
            (json!({"time_zone": "Mars/Olympus"}), "/time_zone", "unknown_time_zone"),
            (json!({"weekly": {"mon": hours("9", "10:00")}}), "/weekly/mon/0", "bad_span"),
        ],
    };
    life.is_lived().await;
}

#[tokio::test]
async fn a_change_of_one_part_leaves_the_others() {
    let office = Office::new().await;
    let weekly = json!({"mon": [["09:00", "17:00"]]});
    let new = json!({"name": "hours", "time_zone": "Europe/Berlin", "weekly": weekly});
    office.post("/v1/schedules", new).await.is(201);
    let changed = office.patch("/v1/schedules/hours", json!({"holidays": [{"date": "2026-12-25"}]})).await.is(200);
    assert_eq!((&changed.body["weekly"], &changed.body["time_zone"]), (&weekly, &json!("Europe/Berlin")));
    let renamed = office.patch("/v1/schedules/hours", json!({"name": "opening"})).await.is(200);
    assert_eq!(renamed.body["holidays"], json!([{"date": "2026-12-25"}]));
}

#[tokio::test]
async fn a_schedule_that_a_workflow_asks_stays() {
    let office = Office::new().await;
    office.furnish().await;
    office.post("/v1/schedules", json!({"name": "hours", "time_zone": "UTC"})).await.is(201);
    let document = json!({"rules": [{"name": "open", "when": {"var": "sys.schedule.hours"},
        "steps": [{"route": {"queue": "support"}}]}]});
    office.post("/v1/workflows", json!({"name": "timed", "document": document})).await.is(201);
    let path = "/v1/schedules/hours";
    assert_eq!(office.call(ADMIN, "DELETE", path, None).await.is(409).code(), "schedule_in_use");
    office.call(ADMIN, "DELETE", "/v1/workflows/timed", None).await.is(204);
    office.call(ADMIN, "DELETE", path, None).await.is(204);
}
