//! Who of the dispatch team looks after which conversation.

use std::collections::BTreeMap;

use sally_protocol::Id;
use sally_protocol::message::Conversation;
use sally_protocol::team::{Assignment, TeamMember};

/// Whose conversations are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Everybody's.
    #[default]
    All,
    /// The viewer's.
    Mine,
    /// Those that nobody looks after.
    Unassigned,
}

impl Whose {
    /// All of them, in the order in which they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::Mine, Self::Unassigned];

    /// The one after this, for a key that goes round.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::All => Self::Mine,
            Self::Mine => Self::Unassigned,
            Self::Unassigned => Self::All,
        }
    }

    /// The word for people.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Mine => "Mine",
            Self::Unassigned => "Unassigned",
        }
    }

    /// The word in the storage.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mine => "mine",
            Self::Unassigned => "unassigned",
        }
    }

    /// Reads the word in the storage; an unknown one is for all.
    pub(crate) fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|whose| whose.word() == word).unwrap_or_default()
    }

    /// Whether a conversation is one of these.
    pub(crate) fn admits(self, conversation: &Conversation, viewer: Option<&Id>) -> bool {
        match self {
            Self::All => true,
            Self::Mine => viewer.is_some() && conversation.assignee_id.as_ref() == viewer,
            Self::Unassigned => conversation.assignee_id.is_none(),
        }
    }
}

/// What has been heard of assignments since the list was asked for: of each conversation the last.
pub(crate) type Heard = BTreeMap<Id, Assignment>;

/// Takes in an assignment, which may overtake another. False for one that is older than what has
/// been heard.
pub(crate) fn hear(heard: &mut Heard, assignment: &Assignment) -> bool {
    let is_older = heard.get(&assignment.conversation_id).is_some_and(|known| known.at > assignment.at);
    if !is_older {
        heard.insert(assignment.conversation_id.clone(), assignment.clone());
    }
    !is_older
}

/// Writes into a conversation who looks after it.
pub(crate) fn apply(conversation: &mut Conversation, assignment: &Assignment) {
    conversation.assignee_id.clone_from(&assignment.assignee_id);
    conversation.assignee_name.clone_from(&assignment.assignee_name);
}

/// What the viewer is called.
pub(crate) const YOU: &str = "You";

/// Who looks after a conversation: [`YOU`], a name, or nobody.
pub(crate) fn holder(conversation: &Conversation, viewer: Option<&Id>) -> Option<String> {
    let assignee = conversation.assignee_id.as_ref()?;
    if Some(assignee) == viewer {
        return Some(YOU.to_owned());
    }
    Some(conversation.assignee_name.clone().unwrap_or_else(|| assignee.to_string()))
}

/// What somebody is called who an alert is assigned to. A publisher may have named anybody.
pub(crate) fn called(to: &str, team: &[TeamMember], viewer: Option<&Id>) -> String {
    if viewer.is_some_and(|viewer| viewer.as_str() == to) {
        return YOU.to_owned();
    }
    let known = team.iter().find(|member| member.user_id.as_str() == to);
    known.and_then(|member| member.name.clone()).unwrap_or_else(|| to.to_owned())
}

/// Somebody who a conversation can be given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Who; nobody when `None`.
    pub(crate) user: Option<Id>,
    /// The name to show.
    pub(crate) name: String,
    /// Whether it is how the conversation stands.
    pub(crate) current: bool,
}

/// Who can be chosen with what has been typed: the viewer first, nobody last. All words must begin a
/// word of the name, or be in the id.
pub(crate) fn choices(team: &[TeamMember], current: Option<&Id>, viewer: &Id, typed: &str) -> Vec<Choice> {
    let (own, others): (Vec<_>, Vec<_>) = team.iter().partition(|member| member.user_id == *viewer);
    let named = |member: &&TeamMember| {
        let name = member.name.clone().unwrap_or_else(|| member.user_id.to_string());
        let name = if member.user_id == *viewer { format!("{YOU} ({name})") } else { name };
        Choice { current: current == Some(&member.user_id), user: Some(member.user_id.clone()), name }
    };
    let nobody = Choice { user: None, name: "Nobody".to_owned(), current: current.is_none() };
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let found = |choice: &Choice| {
        let name = choice.name.to_lowercase();
        let id = choice.user.as_ref().map(|user| user.as_str().to_lowercase()).unwrap_or_default();
        let begins = |word: &String| name.split(|c: char| !c.is_alphanumeric()).any(|part| part.starts_with(word));
        words.iter().all(|word| begins(word) || id.contains(word))
    };
    own.iter().chain(&others).map(named).chain([nobody]).filter(found).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn conversation(assignee: Option<&str>) -> Conversation {
        serde_json::from_value(json!({
            "conversationId": "d1", "unread": 0, "readSeq": 0, "online": false, "assigneeId": assignee,
            "assigneeName": assignee.map(|_| "Ada Moss"),
        }))
        .expect("a conversation")
    }

    fn assignment(to: Option<&str>, second: u32) -> Assignment {
        serde_json::from_value(json!({
            "conversationId": "d1", "assigneeId": to, "assignedBy": "ann", "at": format!("2026-11-24T10:00:{second:02}Z"),
        }))
        .expect("an assignment")
    }

    fn team() -> Vec<TeamMember> {
        [("ada", Some("Ada Moss")), ("ann", Some("Ann Lee")), ("bo", None)]
            .map(|(user, name)| TeamMember { user_id: id(user), name: name.map(str::to_owned) })
            .into()
    }

    fn names(typed: &str) -> String {
        let names = choices(&team(), Some(&id("ada")), &id("ann"), typed).into_iter();
        names
            .map(|choice| if choice.current { format!("*{}", choice.name) } else { choice.name })
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn each_filter_lets_its_own_through() {
        let admitted = |assignee| {
            let conversation = conversation(assignee);
            Whose::ALL.map(|whose| whose.admits(&conversation, Some(&id("ann"))))
        };
        assert_eq!(admitted(None), [true, false, true]);
        assert_eq!(admitted(Some("ann")), [true, true, false]);
        assert_eq!(admitted(Some("ada")), [true, false, false]);
        assert!(!Whose::Mine.admits(&conversation(None), None), "nobody's aren't mine when I am nobody");
        assert_eq!(Whose::ALL.map(|whose| Whose::parse(whose.word())), Whose::ALL);
        assert_eq!(Whose::parse("other"), Whose::All);
    }

    #[test]
    fn the_last_word_counts_in_whatever_order_it_is_heard() {
        let mut heard = Heard::new();
        assert!(hear(&mut heard, &assignment(Some("ada"), 5)));
        assert!(!hear(&mut heard, &assignment(Some("bo"), 4)));
        assert!(hear(&mut heard, &assignment(None, 5)), "at the same moment, the later heard");
        let mut conversation = conversation(Some("ada"));
        apply(&mut conversation, &heard[&id("d1")]);
        assert_eq!((conversation.assignee_id, conversation.assignee_name), (None, None));
    }

    #[test]
    fn the_holder_is_named() {
        let ann = id("ann");
        assert_eq!(holder(&conversation(None), Some(&ann)), None);
        assert_eq!(holder(&conversation(Some("ann")), Some(&ann)).as_deref(), Some("You"));
        assert_eq!(holder(&conversation(Some("ada")), Some(&ann)).as_deref(), Some("Ada Moss"));
    }

    #[test]
    fn the_viewer_comes_first_and_nobody_last() {
        assert_eq!(names(""), "You (Ann Lee), *Ada Moss, bo, Nobody");
        assert_eq!(names("mo a"), "*Ada Moss");
        assert_eq!(names("YOU"), "You (Ann Lee)");
        assert_eq!(names("no"), "Nobody");
        assert_eq!(names("oss"), "");
        assert_eq!(choices(&[], None, &id("ann"), "").len(), 1, "nobody can always be chosen");
    }
}
