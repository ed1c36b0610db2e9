import { ask, dated, element, Failed, listen, made, signedIn, tell, word } from "./page";

interface Proposal {
  number: number;
  at: string;
  name: string;
  kind: string;
  entity_type: string;
  state: string;
  decided_by: string;
  term: string;
  form: string;
  call: string;
}

export async function proposals(): Promise<void> {
  await signedIn();
  listen({});
  await draw();
}

async function draw(): Promise<void> {
  const all = await ask<Proposal[]>("GET", "/api/proposals");
  const open = (proposal: Proposal) => Number(proposal.state !== "open");
  all.sort((a, b) => open(a) - open(b) || b.number - a.number);
  element("rows").replaceChildren(...all.map(line));
  element("nothing").hidden = all.length > 0;
}

function line(proposal: Proposal): HTMLTableRowElement {
  const answer = (accept: boolean, name: string) =>
    made("button", { type: "button", onclick: () => void decide(proposal.number, accept) }, word(name));
  const isOpen = proposal.state === "open";
  const shown = proposal.kind === "recognizer" ? made("code", {}, proposal.form) : proposal.term;
  return made(
    "tr",
    {},
    made("td", {}, made("a", { href: `/calls/${proposal.call}` }, dated(proposal.at))),
    made("td", {}, proposal.name),
    made("td", {}, word(proposal.kind)),
    made("td", {}, shown),
    made("td", {}, proposal.entity_type),
    made("td", {}, made("span", { className: `pill ${proposal.state}` }, word(proposal.state)), ` ${proposal.decided_by}`),
    made("td", {}, ...(isOpen ? [answer(true, "accept"), " ", answer(false, "decline")] : [])),
  );
}

async function decide(number: number, accept: boolean): Promise<void> {
  try {
    await ask("POST", `/api/proposals/${number}`, { accept });
    tell(word("decided"));
  } catch (error) {
    tell(error instanceof Failed ? word(error.code) : String(error));
  }
  await draw();
}
