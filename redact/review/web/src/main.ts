import "./main.css";

import { call } from "./call";
import { list } from "./list";
import { signIn } from "./signin";

const pages: Record<string, () => Promise<void>> = { "sign-in": signIn, list, call };
void pages[document.body.dataset.page ?? ""]?.();
