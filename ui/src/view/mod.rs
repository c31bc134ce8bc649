//! The components, from the window down to the single word.

#![expect(unreachable_pub, reason = "the component macro makes its functions public whatever they are declared as")]

mod about;
mod acknowledgement_sheet;
mod alert_actions;
mod alert_board;
mod alert_detail;
mod alert_filters;
mod alert_list;
mod alert_row;
mod app;
mod assign_box;
mod badge;
mod broadcast_sheet;
mod bulk_bar;
mod composer;
mod conversation_list;
mod filter_box;
mod hit_list;
mod icon;
mod integrations;
mod key_list;
mod link_state;
mod listing;
mod message;
mod message_tools;
mod messages;
mod moment;
mod note;
mod note_switch;
mod notices;
mod placeholder;
mod recipients;
mod routes;
mod row;
mod rows;
mod sheet;
mod shell;
mod sign_in;
mod snooze_choice;
mod team_menu;
mod template_offer;
mod template_picker;
mod template_sheet;
mod thread;
mod unsent_list;
mod whose_filter;
mod writing;

pub(crate) use app::App;
