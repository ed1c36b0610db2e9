import { ask, dated, element, Failed, listen, made, signedIn, tell, word } from "./page";

interface Approval {
  number: number;
  call: string;
  name: string;
  reason: string;
  asked_at: string;
  state: string;
  decided_by: string;
  until: string;
  is_own: boolean;
}

export async function approvals(): Promise<void> {
  await signedIn();
  listen({});
  await draw();
}

async function draw(): Promise<void> {
  const all = await ask<Approval[]>("GET", "/api/approvals");
  const rank = (approval: Approval) => Number(approval.state !== "open");
  all.sort((a, b) => rank(a) - rank(b) || b.number - a.number);
  element("rows").replaceChildren(...all.map(line));
  element("nothing").hidden = all.length > 0;
}

function line(approval: Approval): HTMLTableRowElement {
  const answer = (accept: boolean, name: string) =>
    made("button", { type: "button", onclick: () => void decide(approval.number, accept) }, word(name));
  const isMine = approval.state === "open" && !approval.is_own;
  return made(
    "tr",
    {},
    made("td", {}, made("a", { href: `/calls/${approval.call}` }, dated(approval.asked_at))),
    made("td", {}, approval.name),
    made("td", {}, word(approval.reason)),
    made("td", {}, made("span", { className: `pill ${approval.state}` }, word(approval.state)), ` ${approval.decided_by}`),
    made("td", {}, dated(approval.until)),
    made("td", {}, ...(isMine ? [answer(true, "accept"), " ", answer(false, "decline")] : [])),
  );
}

async function decide(number: number, accept: boolean): Promise<void> {
  try {
    await ask("POST", `/api/approvals/${number}`, { accept });
    tell(word("decided"));
  } catch (error) {
    tell(error instanceof Failed ? word(error.code) : String(error));
  }
  await draw();
}
