import WaveSurfer from "wavesurfer.js";
import Minimap from "wavesurfer.js/dist/plugins/minimap.esm.js";
import Regions, { type Region } from "wavesurfer.js/dist/plugins/regions.esm.js";
import Timeline from "wavesurfer.js/dist/plugins/timeline.esm.js";

import { colour, type Edit, type Finding, type Interval, isDoubtful, type Mask, masks, moved, reasons } from "./masks";
import { ask, choose, clock, dated, element, Failed, fill, listen, made, type Me, signedIn, tell, word } from "./page";

interface Word {
  text: string;
  start_ms: number | null;
  end_ms: number | null;
  type: string | null;
  confidence: number | null;
}

interface Turn {
  speaker: string;
  channel: number;
  words: Word[];
}

interface Call {
  id: string;
  state: string;
  review: string;
  queue: string;
  recorded_at: string;
  duration_ms: number;
  claimed_by: string;
  turns: Turn[];
  intervals: Interval[];
  findings: Finding[];
  channels: string[];
  draft: Edit[];
  version: number;
  is_mine: boolean;
  can_render: boolean;
}

const SAVE_AFTER_MS = 400;
const AROUND_MS = 1500;
const id = document.body.dataset.call ?? "";
const nonce = document.body.dataset.nonce;
const path = `/api/calls/${id}`;

class Desk {
  private edits: Edit[];
  private undone: Edit[][] = [];
  private done: Edit[][] = [];
  private version: number;
  private isMine: boolean;
  private chosen = 0;
  private selection: { start_ms: number; end_ms: number } | null = null;
  private wave: WaveSurfer | null = null;
  private regions: Regions | null = null;
  private saving = 0;
  private words: { node: HTMLElement; word: Word }[] = [];

  constructor(
    private call: Call,
    private readonly me: Me,
  ) {
    this.edits = [...call.draft];
    this.version = call.version;
    this.isMine = call.is_mine;
  }

  async begin(): Promise<void> {
    const types = element<HTMLSelectElement>("type");
    types.append(...this.me.types.map((type) => made("option", { value: type }, type)));
    element("heading").textContent = [dated(this.call.recorded_at), this.call.queue].filter(Boolean).join(" · ");
    this.drawTranscript();
    await this.drawWave();
    for (const id of ["filter", "doubtful"]) element(id).addEventListener("change", () => this.draw());
    element("claim").addEventListener("click", () => void this.claim());
    element("release").addEventListener("click", () => void this.release());
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-do]")) {
      button.addEventListener("click", () => this.does(button.dataset.do ?? ""));
    }
    types.addEventListener("change", () => this.changeType());
    listen(this.keys());
    this.draw();
  }

  private keys() {
    const key = (what: string, does = what) => ({ what: word(what), does: () => this.does(does) });
    return {
      " ": key("play"),
      j: key("back"),
      l: key("forward"),
      n: key("next_mask"),
      p: key("previous_mask"),
      c: { what: word("claim"), does: () => void this.claim() },
      m: key("add"),
      x: key("remove"),
      t: { what: word("change_type"), does: () => element("type").focus() },
      w: { what: word("everywhere"), does: () => element("everywhere").click() },
      z: key("undo"),
      y: key("redo"),
      o: key("original"),
      d: { what: word("in_doubt_only"), does: () => element("doubtful").click() },
      q: key("propose"),
      r: key("render"),
      a: key("approve"),
      b: key("return"),
      e: key("escalate"),
    };
  }

  private does(what: string): void {
    const actions: Record<string, () => void> = {
      play: () => void this.wave?.playPause(),
      back: () => this.wave?.skip(-3),
      forward: () => this.wave?.skip(3),
      next_mask: () => this.go(1),
      previous_mask: () => this.go(-1),
      add: () => this.add(),
      remove: () => void this.remove(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      original: () => void this.original(),
      propose: () => void this.propose(),
      render: () => void this.render(),
      approve: () => void this.decide("approve"),
      return: () => void this.decide("return"),
      escalate: () => void this.decide("escalate"),
    };
    actions[what]?.();
  }

  private masks(): Mask[] {
    return masks(this.call.intervals, this.edits);
  }

  private shown(): Mask[] {
    const type = element<HTMLSelectElement>("filter").value;
    const isDoubtOnly = element<HTMLInputElement>("doubtful").checked;
    return this.masks()
      .filter((mask) => !type || mask.types.includes(type))
      .filter((mask) => !isDoubtOnly || isDoubtful(mask, this.call.findings));
  }

  private async drawWave(): Promise<void> {
    let peaks: number[][];
    try {
      peaks = (await ask<{ peaks: number[][] }>("GET", `${path}/peaks`)).peaks;
    } catch {
      element("wave").textContent = word("no_sound");
      return;
    }
    const regions = Regions.create();
    const wave = WaveSurfer.create({
      container: "#wave",
      url: `${path}/sound`,
      peaks,
      duration: this.call.duration_ms / 1000,
      splitChannels: peaks.map(() => ({ height: 64 })),
      waveColor: "#6b7280",
      progressColor: "#2563eb",
      cursorColor: "#dc2626",
      cursorWidth: 2,
      cspNonce: nonce,
      plugins: [
        regions,
        Timeline.create({ height: 18 }),
        Minimap.create({ container: "#minimap", height: 24, cspNonce: nonce, waveColor: "#9ca3af", progressColor: "#2563eb" }),
      ],
    });
    this.wave = wave;
    this.regions = regions;
    regions.enableDragSelection({ color: "rgba(37, 99, 235, 0.25)", id: "selection" }, 5);
    regions.on("region-created", (region) => {
      if (region.id === "selection") this.select(region.start * 1000, region.end * 1000);
    });
    regions.on("region-updated", (region) => this.dragged(region));
    regions.on("region-clicked", (region, event) => {
      event.stopPropagation();
      const number = Number(region.id.replace("mask-", ""));
      if (!Number.isNaN(number)) this.choose(number);
    });
    wave.on("timeupdate", (seconds) => this.follow(seconds * 1000));
    element("speed").addEventListener("change", (event) => {
      wave.setPlaybackRate(Number((event.target as HTMLSelectElement).value), true);
    });
    element("zoom").addEventListener("input", (event) => {
      wave.zoom(Number((event.target as HTMLInputElement).value));
    });
  }

  private drawTranscript(): void {
    this.words = [];
    const turns = this.call.turns.map((turn) => {
      const words = turn.words.map((spoken) => {
        const node = made("span", { className: spoken.type ? "chip" : "word" }, spoken.text);
        if (spoken.type) this.drawChip(node, spoken);
        this.words.push({ node, word: spoken });
        node.addEventListener("click", (event) => {
          if (spoken.start_ms === null || spoken.end_ms === null) return;
          if (event.shiftKey && this.selection) {
            const { start_ms, end_ms } = this.selection;
            this.select(Math.min(start_ms, spoken.start_ms), Math.max(end_ms, spoken.end_ms));
          } else {
            this.select(spoken.start_ms, spoken.end_ms);
            this.wave?.setTime(spoken.start_ms / 1000);
          }
        });
        return node;
      });
      const role = this.call.channels[turn.channel] ?? "other";
      const spaced = words.flatMap((node) => [node, " "]);
      return made("p", {}, made("b", { className: `speaker s${turn.channel % 4}` }, word(role)), " ", ...spaced);
    });
    element("transcript").replaceChildren(...turns);
  }

  private drawChip(node: HTMLElement, spoken: Word): void {
    const { start_ms, end_ms, type } = spoken;
    const own: Mask = { start_ms: start_ms ?? 0, end_ms: end_ms ?? 0, types: [type ?? ""], isEdited: false };
    const best = reasons(own, this.call.findings)[0];
    node.title = [type, ...(best ? [best.score.toFixed(2), best.recognizer, ...best.evidence] : [])].join(" · ");
    if (best) node.append(" ", made("small", {}, best.score.toFixed(2)));
  }

  private drawReasons(mask: Mask | undefined): void {
    const found = mask ? reasons(mask, this.call.findings) : [];
    const lines = found.map((f) => [f.entity_type, f.score.toFixed(2), f.recognizer, ...f.evidence].join(" · "));
    const told = [...new Set(lines)].slice(0, 6);
    const shown = told.length || !mask ? told : [word("no_finding")];
    element("why").replaceChildren(...shown.map((line) => made("li", {}, line)));
  }

  private draw(): void {
    const all = this.masks();
    const filter = element<HTMLSelectElement>("filter");
    const types = [...new Set(all.flatMap((mask) => mask.types))].sort();
    const before = filter.value;
    filter.replaceChildren(made("option", { value: "" }, word("all")));
    filter.append(...types.map((type) => made("option", { value: type }, type)));
    filter.value = types.includes(before) ? before : "";
    const shown = this.shown();
    this.chosen = Math.min(this.chosen, Math.max(0, shown.length - 1));
    element("masks").replaceChildren(
      ...shown.map((mask, number) => {
        const label = `${clock(mask.start_ms)} – ${clock(mask.end_ms)}  ${mask.types.join(", ")}`;
        const button = made("button", { type: "button", onclick: () => this.choose(number) }, label);
        button.setAttribute("aria-pressed", String(number === this.chosen));
        if (mask.isEdited) button.classList.add("edited");
        else if (isDoubtful(mask, this.call.findings)) button.classList.add("doubtful");
        return made("li", {}, button);
      }),
    );
    element("edits").replaceChildren(
      ...(this.edits.length ? this.edits : [null]).map((edit) =>
        made("li", {}, edit ? this.told(edit) : word("no_edits")),
      ),
    );
    for (const { node, word: spoken } of this.words) {
      const isMasked = shown.some((mask) => isIn(spoken, mask));
      node.classList.toggle("masked", isMasked && !spoken.type);
      node.classList.toggle("released", Boolean(spoken.type) && !isMasked);
    }
    this.drawRegions(shown);
    this.drawReasons(shown[this.chosen]);
    const state = this.call.review === "open" ? this.call.state : this.call.review;
    element("state").textContent = word(state);
    element("state").className = `pill ${state}`;
    element("claim").hidden = this.isMine || !this.me.decides;
    element("release").hidden = !this.isMine;
    for (const button of document.querySelectorAll<HTMLButtonElement>("#editing [data-do], #deciding [data-do]")) {
      const needs = button.dataset.do === "original" ? this.me.hears_originals : this.isMine;
      const lacks = { render: !this.call.can_render, propose: !this.me.proposes }[button.dataset.do ?? ""];
      button.disabled = !needs || Boolean(lacks);
    }
  }

  private told(edit: Edit): string {
    const what = edit.entity_type === null ? word("left") : `${word("masked_as")} ${edit.entity_type}`;
    return `${clock(edit.start_ms)} – ${clock(edit.end_ms)}: ${what}`;
  }

  private drawRegions(shown: Mask[]): void {
    if (!this.regions) return;
    for (const region of this.regions.getRegions()) if (region.id !== "selection") region.remove();
    shown.forEach((mask, number) => {
      const label = made("span", {}, mask.types.join(", "));
      Object.assign(label.style, { display: "block", overflow: "hidden", whiteSpace: "nowrap", font: "12px system-ui" });
      this.regions?.addRegion({
        id: `mask-${number}`,
        start: mask.start_ms / 1000,
        end: mask.end_ms / 1000,
        color: colour(mask, number === this.chosen),
        content: label,
        drag: false,
        resize: this.isMine,
      });
    });
  }

  private select(start_ms: number, end_ms: number): void {
    this.selection = { start_ms: Math.floor(start_ms), end_ms: Math.ceil(end_ms) };
    for (const { node, word: spoken } of this.words) node.classList.toggle("selected", isIn(spoken, this.selection));
    this.regions?.getRegions().filter((region) => region.id === "selection").slice(0, -1).forEach((r) => r.remove());
    tell(`${clock(start_ms)} – ${clock(end_ms)}`);
  }

  private dragged(region: Region): void {
    if (region.id === "selection") return this.select(region.start * 1000, region.end * 1000);
    const mask = this.shown()[Number(region.id.replace("mask-", ""))];
    if (mask) this.change(moved(mask, Math.floor(region.start * 1000), Math.ceil(region.end * 1000)));
  }

  private choose(number: number): void {
    const mask = this.shown()[number];
    if (!mask) return;
    this.chosen = number;
    this.wave?.setTime(Math.max(0, mask.start_ms - AROUND_MS) / 1000);
    element<HTMLSelectElement>("type").value = mask.types[0] ?? "";
    this.draw();
    element("masks").querySelectorAll("button")[number]?.scrollIntoView({ block: "nearest" });
  }

  private go(step: number): void {
    const count = this.shown().length;
    if (count) this.choose((this.chosen + step + count) % count);
  }

  private follow(ms: number): void {
    for (const { node, word: spoken } of this.words) {
      const isNow = spoken.start_ms !== null && spoken.end_ms !== null && spoken.start_ms <= ms && ms < spoken.end_ms;
      node.classList.toggle("now", isNow);
    }
  }

  private add(): void {
    if (!this.selection) return tell(word("selection"));
    const entity_type = element<HTMLSelectElement>("type").value;
    const places = this.alike(this.selection);
    this.change(places.map((place) => ({ ...place, entity_type })));
    this.selection = null;
    this.regions?.getRegions().filter((region) => region.id === "selection").forEach((region) => region.remove());
  }

  private async remove(): Promise<void> {
    const mask = this.shown()[this.chosen];
    if (!mask || !this.isMine) return;
    if (mask.types.length > 1 && !(await choose(`${word("releases_all")} ${mask.types.join(", ")}`, ["ok"]))) return;
    const places = this.alike(mask);
    const was = mask.types[0] ?? null;
    this.change(places.map(({ start_ms, end_ms }) => ({ start_ms, end_ms, entity_type: null, was })));
  }

  private changeType(): void {
    const mask = this.shown()[this.chosen];
    const entity_type = element<HTMLSelectElement>("type").value;
    if (!mask || !this.isMine || this.selection || mask.types.join() === entity_type) return;
    const was = mask.types[0] ?? null;
    this.change(this.alike(mask).map(({ start_ms, end_ms }) => ({ start_ms, end_ms, entity_type, was })));
  }

  // The place itself and, if that is wanted, every other that the transcript calls the same.
  private alike(place: { start_ms: number; end_ms: number }): { start_ms: number; end_ms: number }[] {
    const own = { start_ms: place.start_ms, end_ms: place.end_ms };
    if (!element<HTMLInputElement>("everywhere").checked) return [own];
    const plain = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}_[\]]/gu, "");
    const said = this.words.filter(({ word: spoken }) => isIn(spoken, place)).map(({ word: s }) => plain(s.text));
    // A label without a number is anybody's.
    if (!said.length || said.some((text) => /^\[\p{L}[\p{L}_]*\]$/u.test(text))) return [own];
    const found = [own];
    const all = this.words.map(({ word: spoken }) => spoken);
    for (let at = 0; at + said.length <= all.length; at += 1) {
      const part = all.slice(at, at + said.length);
      const first = part[0];
      const last = part.at(-1);
      if (!part.every((spoken, index) => plain(spoken.text) === said[index])) continue;
      if (first?.start_ms == null || last?.end_ms == null || isIn(first, place)) continue;
      // The whole mask where it covers nothing else, else these words alone.
      const mask = this.masks().find((each) => part.every((spoken) => isIn(spoken, each)));
      const others = mask ? all.filter((spoken) => isIn(spoken, mask) && !part.includes(spoken)) : [];
      const isAlone = mask && mask.types.length === 1 && !others.length;
      found.push({
        start_ms: isAlone ? mask.start_ms : first.start_ms,
        end_ms: isAlone ? mask.end_ms : last.end_ms,
      });
    }
    return found;
  }

  private change(edits: Edit[]): void {
    if (!this.isMine || !edits.length) return;
    this.done.push(this.edits);
    this.undone = [];
    this.edits = [...this.edits, ...edits];
    this.changed();
  }

  private undo(): void {
    const before = this.done.pop();
    if (!before) return;
    this.undone.push(this.edits);
    this.edits = before;
    this.changed();
  }

  private redo(): void {
    const after = this.undone.pop();
    if (!after) return;
    this.done.push(this.edits);
    this.edits = after;
    this.changed();
  }

  private changed(): void {
    this.draw();
    window.clearTimeout(this.saving);
    this.saving = window.setTimeout(() => void this.save(), SAVE_AFTER_MS);
  }

  private async save(): Promise<boolean> {
    window.clearTimeout(this.saving);
    try {
      const answer = await ask<{ version: number }>("PUT", `${path}/draft`, {
        edits: this.edits,
        version: this.version,
      });
      this.version = answer.version;
      element("saved").textContent = word("saved");
      return true;
    } catch (error) {
      element("saved").textContent = word("unsaved") + (error as Error).message;
      return false;
    }
  }

  private async claim(): Promise<void> {
    if (this.isMine || !this.me.decides) return;
    try {
      const answer = await ask<{ version: number; draft: Edit[] }>("POST", `${path}/claim`);
      this.version = answer.version;
      this.edits = [...answer.draft];
      this.isMine = true;
      this.draw();
    } catch (error) {
      tell((error as Error).message);
    }
  }

  private async release(): Promise<void> {
    await ask("POST", `${path}/release`);
    this.isMine = false;
    this.draw();
  }

  private async original(): Promise<void> {
    const mask = this.shown()[this.chosen];
    if (!mask || !this.me.hears_originals) return;
    const reason = await choose(word("reason"), this.me.reasons);
    if (!reason) return;
    const start = Math.max(0, mask.start_ms - AROUND_MS);
    const end = Math.min(this.call.duration_ms, mask.end_ms + AROUND_MS, start + 60_000);
    const query = new URLSearchParams({ start_ms: String(start), end_ms: String(end), reason });
    const answer = await fetch(`${path}/original?${query}`, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) return this.refusedOriginal(((await answer.json()) as { error: string }).error, reason);
    const address = URL.createObjectURL(await answer.blob());
    const player = new Audio(address);
    player.addEventListener("ended", () => URL.revokeObjectURL(address), { once: true });
    this.wave?.pause();
    await player.play();
  }

  private async refusedOriginal(why: string, reason: string): Promise<void> {
    if (why !== "second_person") return tell(word(why));
    await ask("POST", `${path}/ask`, { reason });
    tell(word("asked"));
  }

  private async propose(): Promise<void> {
    const place = this.selection ?? this.shown()[this.chosen];
    if (!this.isMine || !this.me.proposes) return;
    if (!place) return tell(word("selection"));
    const kinds = this.selection ? ["deny", "recognizer", "allow"] : ["allow", "deny", "recognizer"];
    const given = await fill(word("propose"), kinds, word("term"), word("term_hint"));
    if (!given) return;
    const [kind, term] = given;
    const entity_type = element<HTMLSelectElement>("type").value;
    const { start_ms, end_ms } = place;
    try {
      await ask("POST", `${path}/proposals`, { kind, term, entity_type, start_ms, end_ms });
      tell(word("proposed"));
    } catch (error) {
      tell(error instanceof Failed ? word(error.code) : String(error));
    }
  }

  private async render(): Promise<void> {
    if (!this.isMine || !this.call.can_render || !(await this.save())) return;
    tell(word("rendering"));
    try {
      await ask("POST", `${path}/render`);
    } catch (error) {
      return tell((error as Error).message);
    }
    for (;;) {
      await new Promise((resolve) => window.setTimeout(resolve, 700));
      const now = await ask<{ state: string; message?: string; hint?: string }>("GET", `${path}/render`);
      if (now.state === "done") {
        location.reload();
        return;
      }
      if (now.state === "failed") return tell(`${word("not_rendered")} ${now.message ?? ""} ${now.hint ?? ""}`);
    }
  }

  private async decide(kind: string): Promise<void> {
    if (!this.isMine) return;
    if (this.edits.length && !(await this.save())) return;
    const reason = kind === "approve" ? "" : await choose(word("reason"), this.me.reasons);
    if (reason === null) return;
    try {
      await ask("POST", `${path}/decide`, { kind, reason });
      tell(word("decided"));
      location.assign("/");
    } catch (error) {
      tell(error instanceof Failed ? word(error.code) : String(error));
    }
  }
}

function isIn(spoken: Word, place: { start_ms: number; end_ms: number } | null): boolean {
  if (!place || spoken.start_ms === null || spoken.end_ms === null) return false;
  const middle = (spoken.start_ms + spoken.end_ms) / 2;
  return place.start_ms <= middle && middle < place.end_ms;
}

export async function call(): Promise<void> {
  const me = await signedIn();
  await new Desk(await ask<Call>("GET", path), me).begin();
}
