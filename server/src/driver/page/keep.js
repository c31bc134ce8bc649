// What outlives a reload: small values in `localStorage`. Where that is forbidden or full they last as long as the page.

const PREFIX = "sally.driver.";
const fallback = new Map();

/** The value kept under `name`, or `otherwise`. */
export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name) ?? fallback.get(name);
    return text === undefined ? otherwise : JSON.parse(text);
  } catch {
    const text = fallback.get(name);
    return text === undefined ? otherwise : JSON.parse(text);
  }
}

/** Keeps `value`; `undefined` removes what was kept. */
export function keep(name, value) {
  const text = value === undefined ? undefined : JSON.stringify(value);
  fallback.delete(name);
  try {
    if (text === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, text);
  } catch {
    if (text !== undefined) fallback.set(name, text);
  }
}

/** Calls `changed` when another tab keeps something else under `name`. */
export function onOtherTab(name, changed) {
  window.addEventListener("storage", (event) => {
    if (event.key === PREFIX + name) changed();
  });
}
