import "./main.css";

import { call } from "./call";
import { list } from "./list";
import { listen, signedIn } from "./page";
import { signIn } from "./signin";

async function figures(): Promise<void> {
  await signedIn();
  listen({});
}

const pages: Record<string, () => Promise<void>> = { "sign-in": signIn, list, call, figures };
void pages[document.body.dataset.page ?? ""]?.();
