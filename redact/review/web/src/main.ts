import "./main.css";

import { approvals } from "./approvals";
import { call } from "./call";
import { list } from "./list";
import { listen, signedIn } from "./page";
import { proposals } from "./proposals";
import { signIn } from "./signin";

async function figures(): Promise<void> {
  await signedIn();
  listen({});
}

async function toTheList(): Promise<void> {
  location.replace("/");
}

const pages: Record<string, () => Promise<void>> = {
  "sign-in": signIn,
  "signed-in": toTheList,
  list,
  call,
  figures,
  proposals,
  approvals,
};
void pages[document.body.dataset.page ?? ""]?.();
