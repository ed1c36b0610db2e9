// What all pages share: words, requests, dialogs, keys.

export type Say = Record<string, string>;

export const say: Say = JSON.parse(document.body.dataset.say ?? "{}");

export function word(key: string): string {
  return say[key] ?? key.replaceAll("_", " ");
}

export function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found as T;
}

export function made<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

export interface Me {
  name: string;
  role: string;
  csrf: string;
  reasons: string[];
  types: string[];
  hears_originals: boolean;
  proposes: boolean;
  decides: boolean;
}

let csrf = "";

export class Failed extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  if (answer.status === 401 && document.body.dataset.page !== "sign-in") location.assign("/sign-in");
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Failed(answer.status, told.error ?? "", told.message || word(told.error ?? "failed"));
  }
  return (await answer.json()) as T;
}

export async function signedIn(): Promise<Me> {
  const me = await ask<Me>("GET", "/api/me");
  csrf = me.csrf;
  element("sign-out").addEventListener("click", async () => {
    await ask("POST", "/api/sign-out");
    location.assign("/sign-in");
  });
  return me;
}

export function tell(text: string): void {
  element("status").textContent = text;
}

export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function dated(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.valueOf())
    ? ""
    : at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}

// Asks for one of several and for a text; null where somebody thinks better of it.
export function fill(title: string, options: string[], label: string, hint: string): Promise<[string, string] | null> {
  const dialog = element<HTMLDialogElement>("dialog");
  const select = made("select", {}, ...options.map((option) => made("option", { value: option }, word(option))));
  const input = made("input", { type: "text", maxLength: 120, autocomplete: "off", spellcheck: false });
  return new Promise((resolve) => {
    dialog.replaceChildren(
      made("h2", { id: "dialog-title" }, title),
      made("p", {}, made("label", {}, word("kind"), " ", select)),
      made("p", {}, made("label", {}, label, " ", input)),
      made("p", {}, hint),
      made(
        "div",
        { className: "bar" },
        made("button", { type: "button", className: "main", onclick: () => dialog.close("ok") }, word("ok")),
        made("button", { type: "button", onclick: () => dialog.close("") }, word("cancel")),
      ),
    );
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue ? [select.value, input.value] : null), { once: true });
    dialog.showModal();
  });
}

// Asks for one of several; null where somebody thinks better of it.
export function choose(title: string, options: string[]): Promise<string | null> {
  const dialog = element<HTMLDialogElement>("dialog");
  return new Promise((resolve) => {
    const buttons = options.map((option) =>
      made("button", { type: "button", value: option, onclick: () => dialog.close(option) }, word(option)),
    );
    const cancel = made("button", { type: "button", onclick: () => dialog.close("") }, word("cancel"));
    dialog.replaceChildren(
      made("h2", { id: "dialog-title" }, title),
      made("div", { className: "bar" }, ...buttons, cancel),
    );
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue || null), { once: true });
    dialog.showModal();
  });
}

export type Keys = Record<string, { what: string; does: () => void }>;

export function listen(keys: Keys): void {
  const help = () => {
    const dialog = element<HTMLDialogElement>("dialog");
    const rows = Object.entries(keys).map(([key, { what }]) =>
      made("tr", {}, made("td", {}, made("kbd", {}, key === " " ? "Space" : key)), made("td", {}, what)),
    );
    dialog.replaceChildren(
      made("h2", { id: "dialog-title" }, word("help")),
      made("table", {}, made("tbody", {}, ...rows)),
      made("button", { type: "button", onclick: () => dialog.close() }, word("close")),
    );
    dialog.showModal();
  };
  element("help-button").addEventListener("click", help);
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const isTyping = target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    if (element<HTMLDialogElement>("dialog").open) return;
    if (event.key === " " && target.matches("button, a")) return;
    const found = keys[event.key];
    if (event.key === "?") help();
    else if (found) found.does();
    else return;
    event.preventDefault();
  });
}
