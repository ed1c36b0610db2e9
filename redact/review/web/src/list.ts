import { ask, clock, dated, element, listen, made, signedIn, word } from "./page";

export interface Row {
  id: string;
  state: string;
  review: string;
  queue: string;
  recorded_at: string;
  language: string;
  duration_ms: number;
  masked_ms: number;
  doubt: number;
  replacements: Record<string, number>;
  claimed_by: string;
  sampled: boolean;
}

interface Answer {
  calls: Row[];
  states: Record<string, number>;
  decided_today: number;
}

type Name = "review" | "queue" | "language";

export async function list(): Promise<void> {
  const me = await signedIn();
  const form = element<HTMLFormElement>("filters");
  const answer = await ask<Answer>("GET", "/api/calls");
  for (const name of ["review", "queue", "language"] as Name[]) {
    const values = [...new Set(answer.calls.map((row) => row[name]))].filter(Boolean).sort();
    const select = form.elements.namedItem(name) as HTMLSelectElement;
    select.append(made("option", { value: "" }, word("all")));
    select.append(...values.map((value) => made("option", { value }, name === "review" ? word(value) : value)));
  }
  const open = answer.states.open ?? 0;
  const told = word("progress").replace("{done}", String(answer.decided_today)).replace("{open}", String(open));
  element("progress").textContent = told;
  const meter = element<HTMLProgressElement>("meter");
  meter.max = Math.max(1, answer.decided_today + open);
  meter.value = answer.decided_today;

  const shown = (): Row[] => {
    const value = (name: string) => (form.elements.namedItem(name) as HTMLInputElement).value;
    const order = value("order") as "doubt" | "recorded_at" | "duration_ms";
    const isChecked = (name: string) => (form.elements.namedItem(name) as HTMLInputElement).checked;
    return answer.calls
      .filter((row) => (["review", "queue", "language"] as Name[]).every((n) => !value(n) || row[n] === value(n)))
      .filter((row) => row.sampled || !isChecked("sampled"))
      .filter((row) => row.doubt > 0 || !isChecked("doubtful"))
      .filter((row) => !value("since") || row.recorded_at.slice(0, 10) >= value("since"))
      .sort((a, b) => (a[order] < b[order] ? 1 : a[order] > b[order] ? -1 : a.id < b.id ? -1 : 1));
  };
  const draw = () => {
    const rows = shown();
    element("rows").replaceChildren(...rows.map(line));
    element("nothing").hidden = rows.length > 0;
  };
  const next = () => {
    const free = (row: Row) => row.review === "open" && row.sampled && (!row.claimed_by || row.claimed_by === me.name);
    const first = shown().find(free) ?? answer.calls.find(free);
    if (first) location.assign(`/calls/${first.id}`);
  };
  form.addEventListener("change", draw);
  element("next").addEventListener("click", next);
  listen({ n: { what: word("next"), does: next } });
  draw();
}

function line(row: Row): HTMLTableRowElement {
  const masks = Object.values(row.replacements).reduce((sum, count) => sum + count, 0);
  const state = row.review === "open" ? row.state : row.review;
  return made(
    "tr",
    {},
    made("td", {}, made("a", { href: `/calls/${row.id}` }, dated(row.recorded_at) || row.id.slice(0, 8))),
    made("td", {}, made("span", { className: `pill ${state}` }, word(state))),
    made("td", {}, row.queue),
    made("td", {}, row.language),
    made("td", { className: "n" }, clock(row.duration_ms)),
    made("td", { className: "n" }, String(masks)),
    made("td", { className: "n" }, String(row.doubt)),
    made("td", {}, row.claimed_by),
  );
}
