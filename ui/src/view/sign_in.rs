//! Signing in: at a server, or on this computer.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::desktop::{CommandError, SignIn};

use super::icon::{Icon, Symbol};
use crate::state::{Desk, Preference};

/// What is being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Server,
    ThisComputer,
}

/// The page that asks who is there.
#[component]
pub(crate) fn SignInPage(
    /// Why somebody must sign in, where there is something to say.
    reason: Option<String>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let server = RwSignal::new(Preference::Server.load());
    let email = RwSignal::new(Preference::Email.load());
    let tenant = RwSignal::new(Preference::Tenant.load());
    let password = RwSignal::new(String::new());
    let fleet = RwSignal::new(true);
    let busy = RwSignal::new(None::<Busy>);
    let error = RwSignal::new(None::<String>);

    let finish = move |answer: Result<(), CommandError>| {
        // On success this page is gone, and its signals with it.
        if let Err(refusal) = answer {
            busy.set(None);
            error.set(Some(refusal.message));
        }
    };
    let missing = move || {
        let fields = [(server, "the server's address"), (email, "your e-mail address"), (password, "your password")];
        let empty = fields.into_iter().find(|(field, _)| field.with_untracked(|text| text.trim().is_empty()));
        empty.map(|(_, name)| format!("Enter {name} and try again."))
    };
    let sign_in = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked().is_some() {
            return;
        }
        error.set(missing());
        if error.with_untracked(Option::is_some) {
            return;
        }
        let trimmed = |field: RwSignal<String>| field.with_untracked(|text| text.trim().to_owned());
        let request = SignIn {
            server: trimmed(server),
            email: trimmed(email),
            password: password.get_untracked(),
            tenant: Some(trimmed(tenant)).filter(|tenant| !tenant.is_empty()),
        };
        busy.set(Some(Busy::Server));
        spawn_local(async move { finish(desk.sign_in(request).await) });
    };
    let this_computer = move |_| {
        if busy.get_untracked().is_none() {
            error.set(None);
            busy.set(Some(Busy::ThisComputer));
            let fleet = fleet.get_untracked();
            spawn_local(async move { finish(desk.use_this_computer(fleet).await) });
        }
    };
    let is_busy = move || busy.get().is_some();
    let signing_in = move || if busy.get() == Some(Busy::Server) { "Signing in…" } else { "Sign in" };
    let starting =
        move || if busy.get() == Some(Busy::ThisComputer) { "Starting the server…" } else { "Use this computer" };

    view! {
        <main class="sign-in">
            <header>
                <div class="rail-mark" aria-hidden="true">
                    "S"
                </div>
                <h1>"SALLY Realtime"</h1>
                <p class="dim">"Alerts, routes and drivers, as they happen."</p>
            </header>
            {reason
                .map(|reason| {
                    view! {
                        <p class="sign-in-reason" role="status">
                            <Icon symbol=Symbol::Lock />
                            <span>{reason}</span>
                        </p>
                    }
                })}
            <div class="sign-in-error" role="alert">
                {move || {
                    error
                        .get()
                        .map(|text| {
                            view! {
                                <p data-testid="signin-error" id="signin-error">
                                    <Icon symbol=Symbol::Critical />
                                    <span>{text}</span>
                                </p>
                            }
                        })
                }}
            </div>
            <div class="sign-in-ways">
                <form class="panel" on:submit=sign_in novalidate aria-busy=move || is_busy().to_string()>
                    <h2>"At your server"</h2>
                    <Field label="Server" value=server kind="text" testid="signin-server" placeholder="https://sally.example.com" autocomplete="url" />
                    <Field label="E-mail" value=email kind="email" testid="signin-email" placeholder="" autocomplete="username" />
                    <Field label="Password" value=password kind="password" testid="signin-password" placeholder="" autocomplete="current-password" />
                    <Field
                        label="Tenant (only if you belong to several)"
                        value=tenant
                        kind="text"
                        testid="signin-tenant"
                        placeholder=""
                        autocomplete="organization"
                    />
                    <button class="button primary wide" type="submit" data-testid="signin-submit" disabled=is_busy>
                        {signing_in}
                    </button>
                </form>
                <section class="panel" aria-labelledby="this-computer-title">
                    <h2 id="this-computer-title">"On this computer"</h2>
                    <p class="dim">
                        "Starts the server inside the app. Nothing to install, nothing leaves this machine; what happened is still there next time."
                    </p>
                    <label class="check">
                        <input
                            type="checkbox"
                            data-testid="signin-fleet"
                            prop:checked=fleet
                            on:change:target=move |event| fleet.set(event.target().checked())
                        />
                        <span>
                            "With a simulated fleet"
                            <small class="dim">"Trucks that drive, alerts that come up, drivers who answer."</small>
                        </span>
                    </label>
                    <button class="button wide" type="button" data-testid="signin-this-computer" disabled=is_busy on:click=this_computer>
                        <Icon symbol=Symbol::Screen />
                        {starting}
                    </button>
                </section>
            </div>
        </main>
    }
}

#[component]
fn Field(
    label: &'static str,
    value: RwSignal<String>,
    kind: &'static str,
    testid: &'static str,
    placeholder: &'static str,
    autocomplete: &'static str,
) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type=kind
                data-testid=testid
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize="off"
                spellcheck="false"
                prop:value=value
                on:input:target=move |event| value.set(event.target().value())
            />
        </label>
    }
}
