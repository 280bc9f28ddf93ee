//! The conformance suite of the store port: every case runs on SQLite and on PostgreSQL, each in a database of its own.

mod commit;
mod deliveries;
mod keys;
mod lists;
mod recovery;
mod sample;
mod statistics;

macro_rules! conformance {
    ($($file:ident: $($case:ident)*;)*) => {
        mod sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    let database = crate::support::database::Database::sqlite().await;
                    super::$file::$case(&*database.store).await;
                }
            )*)*
        }

        mod postgres {
            $($(
                #[tokio::test]
                async fn $case() {
                    let database = crate::support::database::Database::postgres().await;
                    super::$file::$case(&*database.store).await;
                }
            )*)*
        }
    };
}

conformance! {
    commit:
        a_batch_is_stored_whole
        the_last_record_of_a_resource_counts
        a_batch_of_another_writer_is_fenced_off
        a_batch_that_fails_leaves_nothing
        a_batch_over_the_parameter_limits_is_stored
        texts_come_back_as_they_were;
    deliveries:
        deliveries_are_kept_as_they_were_written
        deliveries_are_listed_newest_first_by_state_and_page
        a_new_start_skips_what_is_pending
        what_is_to_be_sent_again_is_pending_again
        no_more_are_sent_again_than_may_be
        what_is_over_is_forgotten_in_time_and_nothing_else;
    recovery:
        a_founded_account_is_loaded_as_it_began
        an_unknown_account_is_not_loaded
        what_is_over_is_not_loaded
        versions_are_loaded_when_newest_or_in_use
        what_is_gone_is_not_loaded
        many_open_items_are_loaded;
    lists:
        lists_are_newest_first_and_paged
        each_filter_of_items_holds
        each_filter_of_reservations_holds
        configuration_is_found_by_id_and_name
        versions_are_listed_newest_first
        events_are_listed_oldest_first
        rare_events_are_found_page_by_page
        old_events_are_forgotten_and_no_others
        the_items_of_a_worker_are_paged
        accounts_are_listed_newest_first_and_paged
        nothing_crosses_between_accounts;
    statistics:
        statistics_are_written_whole_or_not_at_all
        what_is_written_is_replaced
        groups_are_found_by_the_time_of_their_cells
        an_extract_has_the_hours_of_its_groups_and_who_is_there
        old_statistics_are_forgotten_and_no_others
        statistics_do_not_cross_between_accounts;
    keys:
        a_key_is_found_by_its_hash_until_deleted
        keys_are_listed_newest_first
        an_answer_is_kept_until_forgotten
        a_secret_is_made_once
        the_store_answers;
}
