// The door: an address, a password, and the company where an address belongs to several.

import { Refused, signIn } from "./api.js";

const section = document.querySelector("#sign-in");
const form = section.querySelector("form");
const trouble = form.querySelector(".trouble");
const button = form.querySelector("button");
const { email, password, tenant } = form.elements;

/** Calls `entered` with whoever signs in. */
export function onSignIn(entered) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.textContent = "";
    button.disabled = true;
    try {
      const me = await signIn(email.value.trim(), password.value, tenant.value.trim());
      form.reset();
      tenant.closest("label").hidden = true;
      entered(me);
    } catch (error) {
      trouble.textContent = explain(error);
    } finally {
      button.disabled = false;
    }
  });
}

/** Shows the door. `lead` says why, when somebody who was signed in finds themselves here. */
export function showSignIn(lead) {
  if (lead) document.querySelector("#sign-in-lead").textContent = lead;
  section.hidden = false;
}

function explain(error) {
  if (!(error instanceof Refused)) return "The server can’t be reached. Check your connection and try again.";
  if (error.code === "bad_credentials") return "That address and password don’t fit together.";
  if (error.code === "too_many_attempts") return `Too many attempts to sign in: ${error.message}.`;
  if (error.code === "tenant_required") {
    tenant.closest("label").hidden = false;
    tenant.required = true;
    tenant.focus();
    return "This address belongs to several companies. Which one is it?";
  }
  if (error.code === "invalid_json") return "The company’s name has letters, digits, - and _ only.";
  return "The server can’t sign you in right now. Try again in a moment.";
}
