//! The components, from the window down to the single word.

#![expect(unreachable_pub, reason = "the component macro makes its functions public whatever they are declared as")]

mod alert_board;
mod alert_detail;
mod alert_filters;
mod alert_list;
mod alert_row;
mod app;
mod assign_box;
mod badge;
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
mod messages;
mod moment;
mod note;
mod note_switch;
mod notices;
mod placeholder;
mod routes;
mod rows;
mod shell;
mod sign_in;
mod template_picker;
mod thread;
mod whose_filter;
mod writing;

pub(crate) use app::App;
