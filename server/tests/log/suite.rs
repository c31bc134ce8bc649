//! The table of all cases.

/// What every backend must pass.
macro_rules! suite {
    ($module:ident: $backend:ty) => {
        tests! {
            $module: $backend;
            offsets {
                a_log_begins_when_it_is_asked_for
                whoever_asks_first_all_get_one_epoch
                offsets_are_dense_from_one
                tenants_are_counted_apart
                concurrent_appends_have_one_order
                a_batch_may_name_several_tenants
                a_batch_is_seen_whole_or_not_at_all
            }
            repeats {
                a_repeat_counts_once
                a_repeat_within_a_batch_counts_once
                concurrent_repeats_count_once
                ids_that_were_not_given_are_never_repeats
                another_tenants_id_is_no_repeat
                a_repeat_changes_no_snapshot
            }
            overtaking {
                an_event_is_appended_where_its_entity_stands
                of_events_made_of_one_state_one_is_appended
                a_repeat_is_known_wherever_its_entity_stands
                an_entity_that_is_gone_stands_nowhere
            }
            pages {
                a_page_goes_on_right_after_the_cursor
                a_limit_is_kept
                at_the_head_there_is_nothing
                a_cursor_of_another_epoch_is_told
                what_is_too_much_goes
                what_is_too_old_goes
                an_emptied_log_goes_on_counting
            }
            payloads {
                events_come_out_as_they_went_in
                readers_are_kept
            }
            gaps {
                a_gap_takes_an_offset_in_every_log
                a_gap_begins_no_log
                a_gap_is_in_no_snapshot
            }
            compaction {
                the_newest_event_of_each_slot_stays_in_log_order
                types_without_an_entity_are_not_kept
                the_snapshot_outlives_the_events
                what_has_ended_stays_for_a_while
                an_eta_after_its_plan_has_ended_is_kept_with_it
                a_read_conversation_leaves_at_once
                a_notice_for_both_sides_is_kept_once
                a_side_that_has_read_does_not_see_the_notice_again
                an_entity_is_found_by_its_name
            }
            snapshots {
                a_snapshot_and_what_follows_make_one_whole
            }
            restarts {
                a_restart_changes_nothing
                a_repeat_counts_once_across_a_restart
            }
        }
    };
}

/// What a log in a database must pass beyond [`suite!`].
macro_rules! database {
    ($module:ident: $backend:ty) => {
        tests! {
            $module: $backend;
            database {
                a_batch_that_fails_leaves_nothing
                a_second_writer_is_noticed
                an_entity_leaves_whole_when_its_time_has_come
                a_hole_is_never_read_over
                a_lot_that_is_too_old_goes
            }
        }
    };
}
