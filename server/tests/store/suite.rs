//! The table of all cases.

/// What every database must pass.
macro_rules! suite {
    ($module:ident: $backend:ty) => {
        tests! {
            $module: $backend;
            users {
                a_user_is_found_by_id_and_by_address
                an_address_is_one_users_in_a_tenant
                who_came_with_a_token_keeps_address_and_password
                a_disabled_user_can_be_added_again
                what_no_column_can_hold_is_nobodys_address
            }
            sessions {
                a_token_is_exchanged_once
                a_token_that_comes_back_ends_its_family
                an_expired_token_is_refused
                signing_out_ends_the_family
                disabling_a_user_ends_their_sessions
            }
            messages {
                a_message_is_stored_with_its_place
                texts_come_out_as_they_went_in
                a_resend_is_answered_with_the_stored_message
                an_unknown_recipient_stores_nothing
                a_broadcast_reaches_every_driver
                history_is_read_backwards
                conversations_are_listed_newest_first
                tenants_are_kept_apart
                a_group_is_stored_each_by_itself
            }
            sends {
                a_message_alone_goes_on_where_a_group_stopped
                a_resend_to_somebody_else_is_answered_with_the_stored_message
                a_group_may_hold_what_is_known_unknown_and_new
                what_fails_takes_no_place
                a_send_that_is_given_up_is_stored_whole_or_not_at_all
            }
            search {
                a_message_is_found_by_its_words
                every_word_must_be_there_and_the_last_may_be_a_beginning
                a_search_is_one_tenants_and_one_conversations
                results_come_newest_first_in_pages
                any_text_is_only_words
                messages_of_an_older_server_are_found
                words_that_two_nodes_find_at_once_are_found_once
                a_search_finds_what_is_being_given_its_words
                messages_that_go_before_they_have_words_hold_nothing_up
            }
            retention {
                old_messages_go_in_lots
                what_belongs_to_a_removed_message_goes_too
                places_go_on_after_removed_messages
                what_stays_has_no_holes
            }
            receipts {
                a_mark_moves_forward_only
                reading_counts_as_delivered_and_for_the_side
                a_mark_of_what_is_not_there_is_told
                a_message_is_acknowledged_once
            }
            acknowledgements {
                who_is_missing_is_known_over_a_broadcast
                what_waits_is_listed_newest_first
            }
            team {
                a_template_changes_from_the_version_that_was_edited
                a_tenant_has_so_many_templates
                a_note_is_stored_once
                notes_are_read_backwards
                old_notes_go_with_old_messages
                a_conversation_is_the_last_assignees
            }
            answers {
                an_answer_is_remembered_for_ten_minutes
                the_first_answer_stays
            }
            nodes {
                nodes_that_start_together_share_a_new_database
                sends_of_two_nodes_have_one_order_without_holes
                nodes_that_take_turns_take_no_place_twice
                a_resend_to_another_node_is_known
                nodes_that_write_for_the_same_tenants_do_not_block_each_other
                nodes_that_meet_the_same_users_do_not_block_each_other
                a_mark_is_made_once
                a_token_is_exchanged_by_one_node
                a_family_that_ends_leaves_no_token
                whoever_asks_first_all_get_one_inbox
            }
        }
    };
}
