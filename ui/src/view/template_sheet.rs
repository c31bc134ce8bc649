//! The quick replies that the dispatch team shares: all of them, and the one that is edited.

use leptos::html::Textarea;
use leptos::prelude::*;
use sally_protocol::team::{MAX_TITLE_CHARS, Template};
use sally_protocol::template::PLACEHOLDERS;

use super::icon::{Icon, Symbol};
use super::sheet::Sheet;
use crate::model::label::sentence;
use crate::model::template_form::{Form, Meanwhile, example};
use crate::model::templates::matching;
use crate::state::{Desk, Load, Templates};

/// What a placeholder stands for.
fn meaning(placeholder: &str) -> &'static str {
    match placeholder {
        "driver" => "the driver's name",
        "stop" => "the next stop on their route",
        _ => "when they get there",
    }
}

/// The place to look after quick replies.
#[component]
pub(super) fn TemplateSheet() -> impl IntoView {
    let templates = expect_context::<Desk>().inbox.templates;
    Effect::new(move |_| {
        if templates.open.get() {
            templates.fetch();
        }
    });
    view! {
        <Sheet name="template-sheet" title="Quick replies" key="q" open=templates.open>
            <div class="sheet-columns">
                <TemplateList />
                {move || match templates.form.form.with(Option::is_some) {
                    true => view! { <TemplateFields /> }.into_any(),
                    false => view! { <Explanation /> }.into_any(),
                }}
            </div>
        </Sheet>
    }
}

#[component]
fn TemplateList() -> impl IntoView {
    let templates = expect_context::<Desk>().inbox.templates;
    let words = RwSignal::new(String::new());
    let shown = Memo::new(move |_| templates.list.with(|list| words.with(|words| matching(list, words))));
    let said = move || match templates.load.get() {
        Load::Failed(error) => Some(error.message),
        Load::Idle | Load::Loading => Some("Fetching the quick replies…".to_owned()),
        Load::Ready if templates.list.read().is_empty() => Some("There are none yet.".to_owned()),
        Load::Ready => shown.read().is_empty().then(|| "None has these words.".to_owned()),
    };
    let edited = Memo::new(move |_| templates.form.form.with(|form| form.as_ref().and_then(|form| form.id().cloned())));
    view! {
        <section class="sheet-list" aria-label="All quick replies">
            <div class="sheet-list-head">
                <label class="search">
                    <Icon symbol=Symbol::Search />
                    <span class="unseen">"Find a quick reply"</span>
                    <input
                        type="search"
                        autofocus
                        placeholder="Find"
                        spellcheck="false"
                        prop:value=words
                        on:input:target=move |event| words.set(event.target().value())
                    />
                </label>
                <button
                    type="button"
                    class="button"
                    data-testid="template-new"
                    on:click=move |_| begin(templates, Form::default())
                >
                    <Icon symbol=Symbol::Plus />
                    "New"
                </button>
            </div>
            <div class="sheet-rows">
                {move || said().map(|text| view! { <p class="dim sheet-said" role="status">{text}</p> })}
                <For each=move || shown.get() key=|template| (template.template_id.clone(), template.version) let:template>
                    <TemplateRow template edited />
                </For>
            </div>
        </section>
    }
}

#[component]
fn TemplateRow(template: Template, edited: Memo<Option<sally_protocol::Id>>) -> impl IntoView {
    let templates = expect_context::<Desk>().inbox.templates;
    let id = template.template_id.clone();
    let (title, text) = (template.title.clone(), template.text.clone());
    view! {
        <button
            type="button"
            class="sheet-row template-row"
            data-item
            data-testid="template-row"
            aria-pressed=move || (edited.read().as_ref() == Some(&id)).to_string()
            on:click=move |_| begin(templates, Form::edit(template.clone()))
        >
            <strong dir="auto">{title}</strong>
            <span class="dim" dir="auto">{text}</span>
        </button>
    }
}

/// Begins to edit, unless that would lose what is written: that is to be saved or discarded first.
fn begin(templates: Templates, form: Form) {
    let of = form.id().cloned();
    let (is_it, is_changed) = templates
        .form
        .form
        .with_untracked(|now| now.as_ref().map_or((false, false), |now| (now.id().cloned() == of, now.is_changed())));
    if is_changed && !is_it {
        templates.form.refused.set(Some("Save or discard this one first.".to_owned()));
    } else if !is_it {
        templates.form.begin(Some(form));
    }
}

#[component]
fn Explanation() -> impl IntoView {
    view! {
        <section class="sheet-body template-explanation">
            <p>"Quick replies are shared by your whole dispatch team. Type " <kbd>"/"</kbd> " at the start of a message to use one."</p>
            <p class="dim">"Choose one to change it, or add a new one. These words in braces are filled in for each driver:"</p>
            <dl class="facts">
                {PLACEHOLDERS
                    .map(|name| {
                        view! {
                            <div>
                                <dt><code>"{" {name} "}"</code></dt>
                                <dd>{meaning(name)}</dd>
                            </div>
                        }
                    })
                    .collect_view()}
            </dl>
        </section>
    }
}

#[component]
fn TemplateFields() -> impl IntoView {
    let templates = expect_context::<Desk>().inbox.templates;
    let form = templates.form;
    let of = move |read: fn(&Form) -> String| {
        Memo::new(move |_| form.form.with(|form| form.as_ref().map(read).unwrap_or_default()))
    };
    let (title, text) = (of(|form| form.title.clone()), of(|form| form.text.clone()));
    let is = move |read: fn(&Form) -> bool| Memo::new(move |_| form.form.with(|form| form.as_ref().is_some_and(read)));
    let (is_changed, is_fine) = (is(Form::is_changed), is(|form| form.problem().is_none()));
    let is_known = is(|form| form.of.is_some());
    let problem = Memo::new(move |_| form.form.with(|form| form.as_ref().and_then(Form::shown_problem)));
    let meanwhile = Memo::new(move |_| templates.meanwhile());
    let can_save = move || {
        is_changed.get() && is_fine.get() && !form.busy.get() && meanwhile.with(|known| *known == Meanwhile::Nothing)
    };
    let field = NodeRef::<Textarea>::new();
    let insert = move |name: &str| {
        let Some(field) = field.get_untracked() else { return };
        // Where nobody has been in the field yet the end is meant; its own numbers are always valid.
        let _ = field.focus();
        let _ = field.set_range_text(&format!("{{{name}}}"));
        let end = field.selection_end().ok().flatten().unwrap_or_default();
        let _ = field.set_selection_range(end, end);
        form.change(|form| form.text = field.value());
    };
    view! {
        <form
            class="sheet-body template-fields"
            on:submit=move |event| {
                event.prevent_default();
                templates.save();
            }
        >
            <label class="field">
                <span>"Title"</span>
                <input
                    autocomplete="off"
                    maxlength=MAX_TITLE_CHARS.to_string()
                    data-testid="template-title"
                    placeholder="What you will look for"
                    prop:value=title
                    on:input:target=move |event| {
                        let value = event.target().value();
                        form.change(|form| form.title = value);
                    }
                />
            </label>
            <label class="field">
                <span>"Message"</span>
                <textarea
                    node_ref=field
                    rows="5"
                    dir="auto"
                    data-testid="template-text"
                    prop:value=text
                    on:input:target=move |event| {
                        let value = event.target().value();
                        form.change(|form| form.text = value);
                    }
                ></textarea>
            </label>
            <div class="template-placeholders">
                <span class="dim">"Insert"</span>
                {PLACEHOLDERS
                    .map(|name| {
                        view! {
                            <button type="button" class="button" title=meaning(name) on:click=move |_| insert(name)>
                                "{" {name} "}"
                            </button>
                        }
                    })
                    .collect_view()}
            </div>
            <p class="template-problem" role="status" data-testid="template-problem">
                {move || problem.get().map(|problem| sentence(&problem.to_string()))}
            </p>
            <Show when=move || text.with(|text| example(text) != *text)>
                <p class="template-example" dir="auto">
                    <span class="dim">"For example: "</span>
                    {move || text.with(|text| example(text))}
                </p>
            </Show>
            {move || match meanwhile.get() {
                Meanwhile::Nothing => ().into_any(),
                Meanwhile::Changed(theirs) => view! { <Conflict theirs /> }.into_any(),
                Meanwhile::Removed => view! { <Gone /> }.into_any(),
            }}
            {move || form.refused.get().map(|text| view! { <p class="template-problem" role="alert">{text}</p> })}
            <footer class="sheet-foot">
                <Show
                    when=move || form.removing.get()
                    fallback=move || {
                        view! {
                            <Show when=move || is_known.get()>
                                <button type="button" class="button quiet" data-testid="template-delete" on:click=move |_| form.removing.set(true)>
                                    "Delete…"
                                </button>
                            </Show>
                            <span class="sheet-space"></span>
                            <button type="button" class="button quiet" on:click=move |_| form.begin(None)>
                                {move || if is_changed.get() { "Discard" } else { "Close" }}
                            </button>
                            <button type="submit" class="button primary" data-testid="template-save" disabled=move || !can_save()>
                                <Icon symbol=Symbol::Check />
                                {move || if is_known.get() { "Save" } else { "Add" }}
                            </button>
                        }
                    }
                >
                    <span class="sheet-space" role="alert">"Delete this quick reply for your whole team?"</span>
                    <button type="button" class="button quiet" on:click=move |_| form.removing.set(false)>
                        "Keep it"
                    </button>
                    <button type="button" class="button danger" data-testid="template-delete-confirm" disabled=form.busy on:click=move |_| templates.remove()>
                        "Delete"
                    </button>
                </Show>
            </footer>
        </form>
    }
}

/// Somebody else has changed what is being edited.
#[component]
fn Conflict(theirs: Template) -> impl IntoView {
    let form = expect_context::<Desk>().inbox.templates.form;
    let (mine, taken) = (theirs.clone(), theirs.clone());
    view! {
        <section class="template-conflict" role="alert" data-testid="template-conflict">
            <p><strong>"Somebody else has changed it meanwhile."</strong> " Theirs reads:"</p>
            <blockquote>
                <strong dir="auto">{theirs.title}</strong>
                <p dir="auto">{theirs.text}</p>
            </blockquote>
            <div class="template-choice-buttons">
                <button type="button" class="button" on:click=move |_| form.begin(Some(Form::edit(taken.clone())))>
                    "Take theirs"
                </button>
                <button type="button" class="button" data-testid="template-keep-mine" on:click=move |_| {
                    let theirs = mine.clone();
                    form.change(|form| form.keep_mine(theirs));
                }>
                    "Keep mine"
                </button>
            </div>
        </section>
    }
}

/// Somebody has removed what is being edited.
#[component]
fn Gone() -> impl IntoView {
    let form = expect_context::<Desk>().inbox.templates.form;
    view! {
        <section class="template-conflict" role="alert">
            <p><strong>"Somebody has deleted it meanwhile."</strong></p>
            <div class="template-choice-buttons">
                <button type="button" class="button" on:click=move |_| form.begin(None)>
                    "Let it go"
                </button>
                <button type="button" class="button" on:click=move |_| form.change(Form::keep_as_new)>
                    "Keep mine as a new one"
                </button>
            </div>
        </section>
    }
}
